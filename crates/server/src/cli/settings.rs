//! `poltrona config`.

use clap::Subcommand;

use super::flags::Settings;
use super::print::print;
use super::start::load;
use crate::config::{self, Database, Resolved};
use crate::failure::Failure;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Print every setting as a configuration file, secrets as ***.
    #[command(after_help = "Examples:\n  poltrona config show > poltrona.toml\n  \
                            poltrona config show --origin --port 8080")]
    Show {
        /// Add the origin of each value: flag, variable, line of the file or default.
        #[arg(long)]
        origin: bool,
        #[command(flatten)]
        settings: Settings,
    },
    /// Check the settings: exit 0 if they are valid, 2 with every fault otherwise.
    #[command(after_help = "Examples:\n  poltrona config check\n  \
                            poltrona config check --config /etc/poltrona.toml")]
    Check(Settings),
}

pub(super) fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Show { origin, settings } => print(&config::show(&load(settings)?, origin)),
        Command::Check(settings) => {
            report(&load(settings)?);
            Ok(())
        }
    }
}

/// The settings are valid; faults came out of [`load`].
fn report(resolved: &Resolved) {
    match &resolved.file {
        Some(file) => eprintln!("the settings are valid; {} was read", file.display()),
        None => eprintln!("the settings are valid; no configuration file was read"),
    }
    let config = &resolved.config;
    match config.database() {
        Database::Folder(_) | Database::Ephemeral if config.redis_url.is_some() => {
            eprintln!("redis-url helps only where several instances share one database");
        }
        Database::Folder(_) | Database::Ephemeral | Database::Server(_) => {}
    }
}
