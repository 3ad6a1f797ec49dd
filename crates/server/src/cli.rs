//! The command line: one file a command.
//!
//! Commands print data on stdout and everything else on stderr, so that either can be piped. The
//! exit code is 0 for success, 1 for a failure, 2 for wrong usage or configuration, and 3 when a
//! server that the command needs cannot be reached. Settings are flags of every command that has a
//! configuration; they come from the table in [`crate::config`].

mod flags;
mod print;
mod start;
mod client;
mod progress;
mod serve;
mod seed;
mod migrate;
mod settings;
mod doctor;
mod health;
mod dead_letters;
mod rush;
mod documents;

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

pub use print::for_terminal;

use crate::failure::Failure;
use flags::Settings;

/// Sells cinema seats over HTTP, and never sells one twice.
#[derive(Debug, Parser)]
#[command(
    name = "poltrona",
    version,
    arg_required_else_help = true,
    after_help = "Examples:\n  poltrona serve --demo\n  poltrona config show --origin"
)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server until it gets SIGTERM or Ctrl-C.
    #[command(after_help = "Examples:\n  poltrona serve --demo\n  \
                            poltrona serve --port 8080 --data-dir /var/lib/poltrona --hold-ttl 2m")]
    Serve(Settings),
    /// Create sessions with made-up films.
    #[command(after_help = "Examples:\n  poltrona seed --sessions 20 --seats 160\n  \
                            poltrona seed --sessions 5 --target http://127.0.0.1:3000")]
    Seed(seed::Args),
    /// Apply migrations to the database, or list them.
    #[command(
        subcommand,
        after_help = "Examples:\n  poltrona migrate status\n  \
                      poltrona migrate up --data-dir /var/lib/poltrona"
    )]
    Migrate(migrate::Command),
    /// Print the `OpenAPI` document of the API.
    #[command(after_help = "Examples:\n  poltrona openapi > openapi.json\n  \
                            poltrona openapi --format yaml")]
    Openapi(documents::OpenapiArgs),
    /// Show the settings, or check them.
    #[command(
        subcommand,
        after_help = "Examples:\n  poltrona config show --origin\n  \
                      poltrona config check --config /etc/poltrona.toml"
    )]
    Config(settings::Command),
    /// List or replay dead letters: messages that consumers of RabbitMQ could not handle.
    #[command(
        subcommand,
        after_help = "Examples:\n  poltrona dlq list\n  \
                      poltrona dlq replay --queue payments"
    )]
    Dlq(dead_letters::Command),
    /// Check the settings and every engine that they name, and print a fix for each problem.
    ///
    /// It changes no data, and may run beside a server. Exit 0 when no check failed, 1 when a
    /// failure would lose or block sales, 2 when the settings are wrong, 3 when an engine cannot be
    /// reached.
    #[command(after_help = "Examples:\n  poltrona doctor\n  \
                            poltrona doctor --data-dir /var/lib/poltrona --json")]
    Doctor(doctor::Args),
    /// Ask a running server whether it is ready: exit 0 if so, 3 otherwise.
    #[command(after_help = "Examples:\n  poltrona healthcheck\n  \
                            poltrona healthcheck --url http://127.0.0.1:8080")]
    Healthcheck(health::Args),
    /// Send a crowd to a server and judge from its answers whether it kept its promises.
    ///
    /// Any server with this API will do. Exit 0 when every promise was kept, 1 when one was broken,
    /// 3 when no target can be reached.
    #[command(after_help = "Examples:\n  \
        poltrona rush --target http://127.0.0.1:3000 --scenario on-sale --clients 200 --seconds 30\n  \
        poltrona rush --scenario spread=3,retry=1 --rate 2000 --seed 7 --html rush.html")]
    Rush(Box<poltrona_rush::Args>),
    /// Print a completion script for a shell.
    #[command(after_help = "Examples:\n  \
        poltrona completions bash > ~/.local/share/bash-completion/completions/poltrona\n  \
        poltrona completions fish > ~/.config/fish/completions/poltrona.fish")]
    Completions(documents::CompletionsArgs),
    /// Print the manual page, or write a page for each command.
    #[command(after_help = "Examples:\n  poltrona man > poltrona.1\n  \
                            poltrona man --out /usr/local/share/man/man1")]
    Man(documents::ManArgs),
}

impl Cli {
    /// Reads the command line; prints help or an error and exits where it is not a command.
    pub fn from_args() -> Self {
        let matches = program().get_matches();
        Self::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
    }
}

/// The whole command line.
fn program() -> clap::Command {
    flags::with_its_own_settings(Cli::command())
}

/// Runs a command.
pub fn run(cli: Cli) -> Result<(), Failure> {
    match cli.command {
        Command::Serve(settings) => serve::run(settings),
        Command::Seed(args) => seed::run(args),
        Command::Migrate(command) => migrate::run(command),
        Command::Openapi(args) => documents::openapi(&args),
        Command::Config(command) => settings::run(command),
        Command::Dlq(command) => dead_letters::run(command),
        Command::Doctor(args) => doctor::run(args),
        Command::Healthcheck(args) => health::run(args),
        Command::Rush(args) => rush::run(&args),
        Command::Completions(args) => documents::completions(&args, &mut program()),
        Command::Man(args) => documents::man(&args, program()),
    }
}

#[cfg(test)]
mod tests;
