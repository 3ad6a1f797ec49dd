//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand};

use crate::scenario::Mix;

const EXAMPLES: &str = "\
Examples:
  poltrona rush --target http://127.0.0.1:3000 --scenario on-sale --clients 200 --seconds 30
  poltrona rush --target http://a:3000,http://b:3000 --scenario spread=3,retry=1 --rate 2000 \\
      --seed 7 --report rush.json --html rush.html --history rush.jsonl
  poltrona rush judge rush.jsonl

Exit status: 0 when every promise was kept, 1 when one was broken, 2 for a wrong command, 3 when no
target can be reached.";

/// Sends a crowd to a ticket server and judges from its answers whether it kept its promises.
#[derive(Clone, Debug, Parser)]
#[command(name = "rush", after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
pub struct Args {
    /// A subcommand, instead of a run.
    #[command(subcommand)]
    pub command: Option<Command>,

    /// Server to send requests to: `http://host:port`; several with commas between share the crowd.
    #[arg(long, value_name = "URL", value_delimiter = ',', default_value = "http://127.0.0.1:3000", value_parser = url)]
    pub target: Vec<String>,

    /// Behaviour of the crowd: browse, spread, on-sale, duel, families, abandon or retry; or a mix, each
    /// with its weight (`spread=3,browse=7`).
    #[arg(long, value_name = "NAME[=WEIGHT],…", default_value = "on-sale")]
    pub scenario: Mix,

    /// Number of people at a time.
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=20_000))]
    pub clients: u32,

    /// Length of the run, in seconds.
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub seconds: u64,

    /// Seed of every choice; the same seed makes each client choose the same again.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,

    /// Requests a second of all people together, due whether or not earlier ones are answered; without
    /// it, each person sends the next request when the last is answered.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub rate: Option<u32>,

    /// Average pause of a person between two visits, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 0)]
    pub think: u64,

    /// Write the report as JSON to this file.
    #[arg(long, value_name = "FILE.json")]
    pub report: Option<PathBuf>,

    /// Write the report as a web page to this file.
    #[arg(long, value_name = "FILE.html")]
    pub html: Option<PathBuf>,

    /// Write every request and answer to this file, for `rush judge`.
    #[arg(long, value_name = "FILE.jsonl")]
    pub history: Option<PathBuf>,

    /// Leave the sessions of the run open; without it, those in which nothing was sold are closed.
    #[arg(long)]
    pub keep: bool,

    /// Print only the last line: no progress and no figures.
    #[arg(long)]
    pub quiet: bool,
}

/// The subcommands.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Judge a history that `--history` wrote.
    #[command(after_help = "Examples:\n  poltrona rush judge rush.jsonl\n  \
                            poltrona rush judge --json rush.jsonl > verdict.json")]
    Judge {
        /// The file that `--history` wrote.
        file: PathBuf,
        /// Write the verdict as JSON.
        #[arg(long)]
        json: bool,
    },
}

impl Args {
    /// How long the crowd sends requests.
    pub const fn lasting(&self) -> Duration {
        Duration::from_secs(self.seconds)
    }
}

fn url(text: &str) -> Result<String, String> {
    let host = text.strip_prefix("http://").filter(|host| !host.is_empty());
    if host.is_some_and(|host| host.split('/').next().unwrap_or_default().contains('@')) {
        return Err("a target must not name a user".to_owned());
    }
    host.map(|_| text.to_owned()).ok_or_else(|| "a target begins with http://".to_owned())
}
