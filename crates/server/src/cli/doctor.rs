//! `poltrona doctor`: prints the report, and exits with its verdict.

use anyhow::{Context as _, anyhow};

use super::flags::Settings;
use super::print::print;
use super::start::{block_on, load};
use crate::doctor::{self, Report, Verdict};
use crate::failure::Failure;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Print one JSON object: `findings`, and a `summary` of their number.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    settings: Settings,
}

pub(super) fn run(Args { json, settings }: Args) -> Result<(), Failure> {
    match load(settings) {
        Ok(resolved) => block_on(async {
            let report = doctor::examine(&resolved.config).await;
            show(&report, json)?;
            Ok(verdict(&report)?)
        }),
        Err(Failure::Config(faults)) => {
            show(&doctor::unsound(&faults), json)?;
            Err(Failure::Config(faults))
        }
        Err(other) => Err(other),
    }
}

fn show(report: &Report, json: bool) -> Result<(), Failure> {
    let text = if json { report.json().context("a report")? } else { report.to_string() };
    print(&text)
}

fn verdict(report: &Report) -> Result<(), Failure> {
    match report.verdict() {
        Verdict::Well => Ok(()),
        Verdict::Away => Err(Failure::Away(report.summary())),
        Verdict::Unwell => Err(anyhow!(report.summary()).into()),
    }
}
