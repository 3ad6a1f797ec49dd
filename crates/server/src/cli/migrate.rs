//! `poltrona migrate`.

use clap::Subcommand;

use super::flags::Settings;
use super::print::print;
use super::start::{block_on, start};
use crate::app;
use crate::failure::Failure;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Apply the migrations that the database lacks.
    #[command(after_help = "Examples:\n  poltrona migrate up\n  \
                            poltrona migrate up --data-dir /var/lib/poltrona")]
    Up(Settings),
    /// List the migrations, each as applied or to come.
    #[command(after_help = "Examples:\n  poltrona migrate status\n  \
                            poltrona migrate status --data-dir /var/lib/poltrona")]
    Status(Settings),
}

pub(super) fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Up(settings) => {
            let (config, _telemetry) = start(settings)?;
            block_on(async { Ok(print(&app::migrate::up(&config).await?)?) })
        }
        Command::Status(settings) => {
            let (config, _telemetry) = start(settings)?;
            block_on(async { Ok(print(&app::migrate::status(&config).await?)?) })
        }
    }
}
