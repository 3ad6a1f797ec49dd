//! `poltrona dlq`: dead letters.

use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand};

use super::flags::Settings;
use super::print::print;
use super::start::{block_on, start};
use crate::app::dead_letters::{self, QUEUES};
use crate::failure::Failure;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Print the number of dead letters and the first of them. Nothing is moved.
    #[command(after_help = "Examples:\n  poltrona dlq list\n  \
                            poltrona dlq list --queue payments --limit 100 --json")]
    List {
        #[command(flatten)]
        which: Which,
        /// Print a JSON document.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        settings: Settings,
    },
    /// Send dead letters back to their queues, as new messages.
    #[command(after_help = "Examples:\n  poltrona dlq replay\n  \
                            poltrona dlq replay --queue reservations --limit 1")]
    Replay {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        settings: Settings,
    },
}

/// Which dead letters.
#[derive(Debug, Args)]
pub(super) struct Which {
    /// Only dead letters of this queue.
    #[arg(long, value_name = "QUEUE", value_parser = PossibleValuesParser::new(QUEUES))]
    queue: Option<String>,
    /// At most this many of each queue [default: list 20, replay all].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
}

/// How many of a queue are listed by default.
const LISTED: u32 = 20;

impl Which {
    fn limit(&self, otherwise: u32) -> usize {
        usize::try_from(self.limit.unwrap_or(otherwise)).unwrap_or(usize::MAX)
    }
}

pub(super) fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::List { which, json, settings } => {
            let (config, _telemetry) = start(settings)?;
            let (queue, limit) = (which.queue.as_deref(), which.limit(LISTED));
            block_on(async {
                let listed = dead_letters::list(&config, queue, limit, json).await?;
                Ok(print(&listed)?)
            })
        }
        Command::Replay { which, settings } => {
            let (config, _telemetry) = start(settings)?;
            let (queue, limit) = (which.queue.as_deref(), which.limit(u32::MAX));
            block_on(async {
                let replayed = dead_letters::replay(&config, queue, limit).await?;
                Ok(print(&replayed)?)
            })
        }
    }
}
