//! Measures the box office: the real program, in a process of its own, driven over HTTP.
//!
//! `cargo bench -p poltrona --bench bench -- [CASE…]` runs the cases and prints a table for
//! each; `--help` lists them. What is measured is measured beside something that it can be compared
//! with, in the same minute on the same machine, and the ratio is what counts. After each case the
//! seats are counted in the database: a figure that was reached by selling a seat twice, or by
//! forgetting one, ends the program with an error.
//!
//! The client is one thread, so that it costs less than what it measures; tables say what it cost.

mod report;
mod requests;
mod metrics;
mod client;
mod times;
mod machine;
mod setup;
mod postgres;
mod data;
mod census;
mod ceiling;
mod server;
mod house;
mod load;
mod open_loop;
mod cases;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use clap::Parser;

use cases::Case;
use house::Houses;
use machine::Folder;
use setup::Setup;

/// The ceiling's server runs in this program, and is to allocate as the real one does.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Measures the box office, and prints tables.
#[derive(Debug, Parser)]
#[command(name = "bench")]
struct Options {
    /// The cases to measure; all when none is named.
    #[arg(value_enum)]
    cases: Vec<Case>,
    /// How often each thing is measured, by turns with what it is compared with.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    runs: u32,
    /// How long each measurement lasts, after a warm-up of half that.
    #[arg(long, value_name = "S", default_value_t = 2.0)]
    seconds: f64,
    /// Folder for the databases, on the disk to be measured; what it holds is deleted.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The program to measure, to compare builds.
    #[arg(long, value_name = "FILE", default_value = env!("CARGO_BIN_EXE_poltrona"))]
    program: PathBuf,
    /// A further flag for `poltrona serve`, such as `--with=--log-level=warn`.
    #[arg(long = "with", value_name = "FLAG", allow_hyphen_values = true)]
    with: Vec<String>,
    /// Measure the least that tells whether the aim is reached, and fail if it is not: of `overload`.
    #[arg(long)]
    check: bool,
    /// Count the reservations' fsyncs with `strace` too.
    #[arg(long)]
    strace: bool,
    /// Given by `cargo bench`, and not by `cargo test`.
    #[arg(long = "bench", hide = true)]
    _bench: bool,
}

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let Some((ceiling::ARGUMENT, rest)) =
        arguments.split_first().map(|(first, rest)| (first.as_str(), rest))
    {
        return ceiling::serve(rest);
    }
    // `cargo test --all-targets` runs this too, with the tests' arguments.
    if !arguments.iter().any(|argument| argument == "--bench") {
        println!("nothing is measured but by `cargo bench`");
        return Ok(());
    }
    let options = Options::parse();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(measure(options))
}

async fn measure(options: Options) -> anyhow::Result<()> {
    let program = options.program.canonicalize();
    let program =
        program.with_context(|| format!("no program at {}", options.program.display()))?;
    let folder = Folder::make(&options.data.unwrap_or_else(beside_the_program))?;
    println!("{}", machine::describe(&folder)?);
    let setup = Setup {
        program,
        with: options.with,
        runs: options.runs,
        window: Duration::try_from_secs_f64(options.seconds).context("--seconds")?,
        strace: options.strace,
        check: options.check,
        folder,
    };
    // Dropped before the folder is, for servers run in it.
    let houses = Houses::default();
    let cases = if options.cases.is_empty() { Case::all() } else { options.cases };
    for case in cases {
        let measured = case.run(&setup, &houses).await;
        measured.with_context(|| format!("the case {case:?} is void"))?;
    }
    Ok(())
}

/// `target/bench-data`: where the program was built there is room, and a real disk.
fn beside_the_program() -> PathBuf {
    let target = Path::new(env!("CARGO_BIN_EXE_poltrona")).ancestors().nth(2);
    target.unwrap_or(Path::new("target")).join("bench-data")
}
