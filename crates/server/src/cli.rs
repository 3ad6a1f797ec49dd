//! The command line: what can be asked of the program, and how it answers.
//!
//! Data go to stdout and talk to stderr, so that either can be piped. The exit code is 0 when all
//! went well, 1 when something failed, 2 for wrong usage or configuration, and 3 when something
//! that the command depends on is away. Settings are flags of every command that has a
//! configuration; they come from the table in [`crate::config`].

mod client;
mod dead_letters;
mod doctor;
mod documents;
mod flags;
mod health;
mod progress;
mod seed;
mod settings;

use std::future::Future;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use poltrona_rush as rush;
use tokio::runtime::Builder;

use crate::app;
use crate::config::{self, Config, Environment, Resolved};
use crate::failure::Failure;
use crate::http::openapi;
use crate::telemetry::{self, Telemetry};
use dead_letters::DeadLetters;
use flags::Settings;

/// How long work that cannot be interrupted may go on after a command is done.
const LAST_WORK: Duration = Duration::from_secs(5);

/// Sells cinema seats fast, and never one twice.
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
    /// Run the server until it is told to stop.
    ///
    /// Settings without a flag: the variables `DATABASE_URL`, which may be `sqlite:DIR` or
    /// `postgres://USER:PASSWORD@HOST:PORT/DATABASE`, and `RABBITMQ_URL`,
    /// `amqp://USER:PASSWORD@HOST:PORT/VHOST`.
    #[command(after_help = "Examples:\n  poltrona serve --demo\n  \
                            poltrona serve --port 8080 --data-dir /var/lib/poltrona --hold-ttl 2m")]
    Serve(Settings),
    /// Create sessions to try things with.
    #[command(after_help = "Examples:\n  poltrona seed --sessions 20 --seats 160\n  \
                            poltrona seed --sessions 5 --target http://127.0.0.1:3000")]
    Seed(SeedArgs),
    /// Bring the database to this version's tables, or tell how far it is.
    #[command(
        subcommand,
        after_help = "Examples:\n  poltrona migrate status\n  \
                      poltrona migrate up --data-dir /var/lib/poltrona"
    )]
    Migrate(Migrate),
    /// Print the description of the API, an `OpenAPI` document.
    #[command(after_help = "Examples:\n  poltrona openapi > openapi.json\n  \
                            poltrona openapi --format yaml")]
    Openapi {
        /// How the document is written.
        #[arg(long, value_enum, default_value_t = DocumentFormat::Json)]
        format: DocumentFormat,
    },
    /// Tell what the program makes of its settings.
    #[command(
        subcommand,
        after_help = "Examples:\n  poltrona config show --origin\n  \
                      poltrona config check --config /etc/poltrona.toml"
    )]
    Config(ConfigCommand),
    /// Look after messages that RabbitMQ's consumers gave up (dead letters).
    #[command(
        subcommand,
        after_help = "Examples:\n  poltrona dlq list\n  \
                      poltrona dlq replay --queue payments"
    )]
    Dlq(DeadLetters),
    /// Look at every engine that the settings name, and say what is wrong and what mends it.
    ///
    /// Nothing is changed, and a server may be running. Exit 0 when nothing failed, 1 when something
    /// would lose or block sales, 2 when the settings are wrong, 3 when an engine cannot be reached.
    #[command(after_help = "Examples:\n  poltrona doctor\n  \
                            poltrona doctor --data-dir /var/lib/poltrona --json")]
    Doctor {
        /// Print one JSON object: `findings`, and a `summary` of their number.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        settings: Settings,
    },
    /// Ask a running server whether it is ready: exit 0 if so, 3 otherwise.
    #[command(after_help = "Examples:\n  poltrona healthcheck\n  \
                            poltrona healthcheck --url http://127.0.0.1:8080")]
    Healthcheck {
        /// The server to ask; without it, the one that the configuration describes.
        #[arg(long, value_name = "URL", value_parser = client::address)]
        url: Option<http::Uri>,
        #[command(flatten)]
        settings: Settings,
    },
    /// Send a crowd to a server and judge from its answers whether it kept its promises.
    ///
    /// Any server with this API will do. Exit 0 when every promise was kept, 1 when one was broken,
    /// 3 when no target can be reached.
    #[command(after_help = "Examples:\n  \
        poltrona rush --target http://127.0.0.1:3000 --scenario on-sale --clients 200 --seconds 30\n  \
        poltrona rush --scenario spread=3,retry=1 --rate 2000 --seed 7 --html rush.html")]
    Rush(Box<rush::Args>),
    /// Print a completion script for a shell.
    #[command(after_help = "Examples:\n  \
        poltrona completions bash > ~/.local/share/bash-completion/completions/poltrona\n  \
        poltrona completions fish > ~/.config/fish/completions/poltrona.fish")]
    Completions {
        /// The shell that will read the script.
        shell: clap_complete::Shell,
    },
    /// Print the manual page, or write one page a command.
    #[command(after_help = "Examples:\n  poltrona man > poltrona.1\n  \
                            poltrona man --out /usr/local/share/man/man1")]
    Man {
        /// A folder for one page a command; it is made when it is missing.
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
    },
}

#[derive(Debug, Args)]
struct SeedArgs {
    /// How many sessions to create.
    #[arg(long, value_name = "N", default_value_t = 6, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    sessions: u32,
    /// How many seats each has.
    #[arg(long, value_name = "N", default_value_t = 48, value_parser = clap::value_parser!(u16).range(16..=10_000))]
    seats: u16,
    /// Create them through this running server, rather than in the data folder.
    #[arg(long, value_name = "URL", value_parser = client::address)]
    target: Option<http::Uri>,
    #[command(flatten)]
    settings: Settings,
}

#[derive(Debug, Subcommand)]
enum Migrate {
    /// Bring the database to this version's tables.
    #[command(after_help = "Examples:\n  poltrona migrate up\n  \
                            poltrona migrate up --data-dir /var/lib/poltrona")]
    Up(Settings),
    /// Tell which steps have been taken and which are to come.
    #[command(after_help = "Examples:\n  poltrona migrate status\n  \
                            poltrona migrate status --data-dir /var/lib/poltrona")]
    Status(Settings),
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Print every setting as a configuration file, secrets as ***.
    #[command(after_help = "Examples:\n  poltrona config show > poltrona.toml\n  \
                            poltrona config show --origin --port 8080")]
    Show {
        /// Say where each value came from.
        #[arg(long)]
        origin: bool,
        #[command(flatten)]
        settings: Settings,
    },
    /// Say whether the settings are sound: exit 0 if so, 2 with every fault otherwise.
    #[command(after_help = "Examples:\n  poltrona config check\n  \
                            poltrona config check --config /etc/poltrona.toml")]
    Check(Settings),
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum DocumentFormat {
    Json,
    Yaml,
}

/// Does what the command line asks.
pub fn run(cli: Cli) -> Result<(), Failure> {
    match cli.command {
        Command::Serve(settings) => serve(settings),
        Command::Seed(args) => seed(args),
        Command::Migrate(Migrate::Up(settings)) => {
            migrate(settings, async |config| app::migrate::up(config).await)
        }
        Command::Migrate(Migrate::Status(settings)) => {
            migrate(settings, async |config| app::migrate::status(config).await)
        }
        Command::Openapi { format: DocumentFormat::Json } => documents::print(&openapi::json()),
        Command::Openapi { format: DocumentFormat::Yaml } => documents::print(&openapi::yaml()),
        Command::Config(ConfigCommand::Show { origin, settings }) => {
            settings::show(&load(settings)?, origin)
        }
        Command::Config(ConfigCommand::Check(settings)) => settings::check(&load(settings)?),
        Command::Doctor { json, settings } => doctor::run(settings, json),
        Command::Healthcheck { url: Some(url), .. } => client::run(health::check(&url)),
        Command::Healthcheck { url: None, settings } => {
            let url =
                client::address(&load(settings)?.config.base_url()).map_err(Failure::Usage)?;
            client::run(health::check(&url))
        }
        Command::Dlq(command) => dead_letters::run(command),
        Command::Rush(args) => rush(&args),
        Command::Completions { shell } => documents::completions(shell),
        Command::Man { out: None } => documents::man_page(),
        Command::Man { out: Some(folder) } => documents::man_pages(&folder),
    }
}

fn load(settings: Settings) -> Result<Resolved, Failure> {
    Ok(config::load(settings.into_flags(), Environment::read()?)?)
}

/// Lets the crowd in. What it found is on stdout; the exit code says it once more.
fn rush(args: &rush::Args) -> Result<(), Failure> {
    match rush::run(args)? {
        rush::Exit::Kept => Ok(()),
        rush::Exit::Broken => Err(Failure::Broken),
        rush::Exit::Away => Err(Failure::Away("no target can be reached".to_owned())),
    }
}

/// The configuration, with log lines flowing as it asks.
fn start(settings: Settings) -> Result<(Config, Telemetry), Failure> {
    let Resolved { config, file, colours, .. } = load(settings)?;
    let telemetry = telemetry::init(&config, colours);
    if let Some(file) = file {
        tracing::debug!(target: "config", file = %file.display(), "settings were read");
    }
    Ok((config, telemetry))
}

fn serve(settings: Settings) -> Result<(), Failure> {
    let (config, _telemetry) = start(settings)?;
    if !config.host.to_canonical().is_loopback() {
        tracing::warn!(
            target: "config",
            host = %config.host,
            "other machines can reach this server, and nobody is authenticated",
        );
    }
    block_on(app::serve(config))
}

fn seed(args: SeedArgs) -> Result<(), Failure> {
    let SeedArgs { sessions, seats, target, settings } = args;
    let mut progress = progress::on_stderr("sessions", sessions);
    if let Some(target) = target {
        return client::run(seed::over_http(&target, sessions, seats, &mut progress));
    }
    let (config, _telemetry) = start(settings)?;
    block_on(app::seed::seed(&config, sessions, seats, &mut |done| progress.update(done)))
}

fn migrate(
    settings: Settings,
    step: impl AsyncFnOnce(&Config) -> anyhow::Result<String>,
) -> Result<(), Failure> {
    let (config, _telemetry) = start(settings)?;
    block_on(async {
        documents::print(&step(&config).await?)?;
        Ok(())
    })
}

/// Runs a task on all cores.
fn block_on(task: impl Future<Output = anyhow::Result<()>>) -> Result<(), Failure> {
    let runtime = Builder::new_multi_thread()
        .enable_all()
        .thread_name("poltrona")
        .build()
        .map_err(anyhow::Error::from)?;
    let outcome = runtime.block_on(task);
    // Dropping the runtime would wait without end for a blocked thread.
    runtime.shutdown_timeout(LAST_WORK);
    Ok(outcome?)
}

#[cfg(test)]
mod tests;
