//! What the doctor says, on stdout, and the exit code that says it once more.

use anyhow::{Context as _, anyhow};

use super::{block_on, documents, load};
use crate::cli::flags::Settings;
use crate::config::ConfigError;
use crate::doctor::{self, Report, Verdict};
use crate::failure::Failure;

pub(super) fn run(settings: Settings, json: bool) -> Result<(), Failure> {
    match load(settings) {
        Ok(resolved) => block_on(async {
            let report = doctor::examine(&resolved.config).await;
            print(&report, json)?;
            Ok(judge(&report)?)
        }),
        Err(Failure::Config(faults)) => told(faults, json),
        Err(other) => Err(other),
    }
}

fn told(faults: ConfigError, json: bool) -> Result<(), Failure> {
    print(&doctor::unsound(&faults), json)?;
    Err(Failure::Config(faults))
}

fn print(report: &Report, json: bool) -> Result<(), Failure> {
    let text = if json { report.json().context("a report")? } else { report.to_string() };
    documents::print(&text)
}

fn judge(report: &Report) -> Result<(), Failure> {
    match report.verdict() {
        Verdict::Well => Ok(()),
        Verdict::Away => Err(Failure::Away(report.summary())),
        Verdict::Unwell => Err(anyhow!(report.summary()).into()),
    }
}
