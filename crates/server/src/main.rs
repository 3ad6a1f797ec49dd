//! The program: parses the command line, runs the command, and exits with its code.

use std::io::Write as _;
use std::process::ExitCode;

use poltrona::cli::{self, Cli};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    poltrona_engine::tls::install_crypto_provider();
    match cli::run(Cli::from_args()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // With stderr closed, only the exit code can report the failure.
            let _ =
                writeln!(std::io::stderr(), "error: {}", cli::for_terminal(&failure.to_string()));
            ExitCode::from(failure.exit_code())
        }
    }
}
