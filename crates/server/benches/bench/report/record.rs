//! The JSON: all that was measured, in a shape with a version, as docs/performance.md describes it.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, ensure};
use serde::{Deserialize, Serialize};

use super::section::Section;
use crate::machine::Machine;

/// The version of the shape. New fields do not change it.
const VERSION: u32 = 1;

/// All that was measured.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Record {
    version: u32,
    pub(super) measured: Vec<Measured>,
}

/// A section, and what it was measured with.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Measured {
    /// When it was done.
    pub(crate) at: String,
    pub(crate) machine: Machine,
    /// The programs under measurement, ours first.
    pub(crate) programs: Vec<Program>,
    pub(crate) settings: Settings,
    #[serde(flatten)]
    pub(crate) section: Section,
}

/// A program under measurement.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Program {
    /// The side that it is.
    pub(crate) side: String,
    /// As it says itself.
    pub(crate) version: String,
    /// The commit of the source that the bench was built from; `None` of another program, or outside a
    /// repository.
    pub(crate) commit: Option<String>,
}

/// How it was measured.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Settings {
    pub(crate) runs: u32,
    pub(crate) seconds: f64,
    pub(crate) with: Vec<String>,
}

impl Default for Record {
    fn default() -> Self {
        Self { version: VERSION, measured: Vec::new() }
    }
}

impl Record {
    /// Reads a file that [`Self::write`] wrote; a missing one is empty.
    pub(crate) fn read(file: &Path) -> anyhow::Result<Self> {
        if !file.exists() {
            return Ok(Self::default());
        }
        let text = fs::read_to_string(file)?;
        let record: Self =
            serde_json::from_str(&text).with_context(|| format!("reading {}", file.display()))?;
        ensure!(record.version == VERSION, "{} is of version {}", file.display(), record.version);
        Ok(record)
    }

    /// Writes a file.
    pub(crate) fn write(&self, file: &Path) -> anyhow::Result<()> {
        let text = serde_json::to_string_pretty(self)? + "\n";
        fs::write(file, text).with_context(|| format!("writing {}", file.display()))
    }

    /// Adds what a case measured.
    pub(crate) fn add(&mut self, measured: Vec<Measured>) {
        let finished = measured
            .into_iter()
            .map(|measured| Measured { section: measured.section.clone().finish(), ..measured });
        for measured in finished {
            print!("{}", measured.section);
            self.measured.push(measured);
        }
    }

    /// Replaces the cases that another record has.
    pub(super) fn replace(&mut self, newer: &Self) {
        let is_newer = |old: &Measured| newer.of_case(&old.section.case).next().is_some();
        self.measured.retain(|old| !is_newer(old));
        self.measured.extend(newer.measured.iter().cloned());
    }

    /// The sections of a case.
    pub(super) fn of_case(&self, case: &str) -> impl Iterator<Item = &Measured> {
        self.measured.iter().filter(move |measured| measured.section.case == case)
    }

    /// The figure that a promise is measured by.
    pub(super) fn found(&self, promise: &str) -> Option<f64> {
        let findings = self.measured.iter().flat_map(|measured| &measured.section.findings);
        findings.rev().find(|finding| finding.promise == promise).map(|finding| finding.value)
    }
}
