//! What is kept of a run: what was run and where, its figures, and the verdict.
//!
//! A report is written as [`text`], as JSON, or as one [page](html) that needs no network. The
//! JSON is the whole of it: the other two can be made from it again.

use std::io::{Read, Write};

use serde::{Deserialize, Serialize};

use crate::history::Action;
use crate::stats::{Counts, Recorder, Series, Stats, rounded};

pub(crate) mod figures;
pub mod html;
mod machine;
pub mod text;
mod verdict;

pub use machine::{Machine, started};
pub use verdict::{Check, Evidence, Verdict, Violation};

/// The version of the JSON. It grows when a reader of the old one would misread the new one; new
/// fields alone do not make it grow.
pub const FORMAT: u32 = 1;

/// A run, its figures and its verdict.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// [`FORMAT`] of the program that wrote it.
    pub format: u32,
    /// What was run.
    pub run: Run,
    /// Where the crowd ran.
    pub machine: Machine,
    /// Its figures as a whole.
    pub stats: Stats,
    /// Its figures over time.
    pub series: Series,
    /// What the judge said; `None` if it was not asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
    /// What somebody who reads it should know, such as what the server could not do.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// What was run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// The scenario's name.
    pub scenario: String,
    /// The seed of every choice.
    pub seed: u64,
    /// How many clients.
    pub clients: u32,
    /// Where requests went.
    pub targets: Vec<String>,
    /// How many seconds it took, from the first request to the last answer before the census.
    pub seconds: f64,
    /// Requests a second that were meant to be sent; `None` where each client asked again as soon
    /// as it was answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<f64>,
    /// When it began, in RFC 3339; see [`started`].
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub started: String,
    /// This tool's version.
    pub version: String,
    /// What the server says that it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
}

impl Report {
    /// The report of what was recorded.
    pub fn new(mut run: Run, recorder: &Recorder, verdict: Option<Verdict>) -> Self {
        run.seconds = rounded(run.seconds);
        Self {
            format: FORMAT,
            stats: recorder.stats(run.seconds),
            series: recorder.series(run.seconds),
            machine: Machine::here(),
            run,
            verdict,
            notes: Vec::new(),
        }
    }

    /// Whether a promise was broken.
    pub fn is_violated(&self) -> bool {
        self.verdict.as_ref().is_some_and(|verdict| verdict.violated() > 0)
    }

    /// Writes it as JSON.
    pub fn write_json(&self, mut to: impl Write) -> anyhow::Result<()> {
        serde_json::to_writer_pretty(&mut to, self)?;
        to.write_all(b"\n")?;
        Ok(to.flush()?)
    }

    /// Reads it from JSON.
    pub fn read_json(from: impl Read) -> anyhow::Result<Self> {
        let value: serde_json::Value = serde_json::from_reader(from)?;
        let format = value.get("format").and_then(serde_json::Value::as_u64);
        match format {
            Some(format) if format <= u64::from(FORMAT) => Ok(serde_json::from_value(value)?),
            Some(format) => anyhow::bail!(
                "the report has format {format}, and this program reads up to {FORMAT}: use a newer one"
            ),
            None => anyhow::bail!("this is no report: it has no `format`"),
        }
    }

    /// The one line that says it all: counts, then `0 violations` or what was violated.
    pub fn summary(&self) -> String {
        let Counts { ok, refused, unknown, fault } = self.stats.all.counts;
        let count = figures::thousands;
        format!(
            "{} (seed {}): {} requests in {:.1} s, {} ok, {} refused, {} unknown, {} failed; {}",
            self.run.scenario,
            self.run.seed,
            count(self.stats.all.counts.all()),
            self.run.seconds,
            count(ok),
            count(refused),
            count(unknown),
            count(fault),
            self.judgement(),
        )
    }

    /// `0 violations`, or how many of which promises.
    fn judgement(&self) -> String {
        let Some(verdict) = &self.verdict else { return "not judged".to_owned() };
        let mut text = figures::count(verdict.violated(), "violation");
        let broken = verdict.checks.iter().filter(|check| check.violations > 0);
        for (place, check) in broken.enumerate() {
            text.push_str(if place == 0 { ": " } else { ", " });
            text.push_str(&check.promise);
            if check.violations > 1 {
                text.push_str(" ×");
                text.push_str(&figures::thousands(check.violations));
            }
        }
        text
    }
}

impl Run {
    /// How requests were sent, in words.
    pub(crate) fn pace(&self) -> String {
        self.rate.map_or_else(
            || "each asking again when answered (closed loop)".to_owned(),
            |rate| format!("{} requests/s on schedule (open loop)", figures::rate(rate)),
        )
    }
}

/// What was asked, in words.
pub(crate) const fn name(action: Action) -> &'static str {
    match action {
        Action::Reserve => "reserve",
        Action::Confirm => "confirm",
        Action::Cancel => "cancel",
        Action::Extend => "extend",
        Action::Seats => "read seats",
        Action::Reservation => "read reservation",
        Action::Sales => "read sales",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(violated: &[(&str, u64)]) -> Report {
        let checks = violated.iter().map(|&(promise, violations)| Check {
            promise: promise.to_owned(),
            violations,
            ..Check::default()
        });
        let verdict = Verdict { checks: checks.collect(), ..Verdict::default() };
        Report { verdict: Some(verdict), ..Report::default() }
    }

    #[test]
    fn the_summary_names_what_was_violated() {
        let ends = |report: &Report, end: &str| {
            let summary = report.summary();
            assert!(summary.ends_with(end), "{summary}");
        };
        ends(&judged(&[("C1", 0), ("C2", 0)]), "0 failed; 0 violations");
        ends(&judged(&[("C1", 0), ("C3", 1)]), "; 1 violation: C3");
        ends(&judged(&[("C1", 2), ("C2", 0), ("C3", 1)]), "; 3 violations: C1 ×2, C3");
        ends(&Report::default(), "; not judged");
        assert!(judged(&[("C1", 1)]).is_violated());
        assert!(!judged(&[("C1", 0)]).is_violated());
    }

    #[test]
    fn json_of_another_kind_or_time_is_refused_with_a_reason() {
        let refusal = |json: &str| Report::read_json(json.as_bytes()).unwrap_err().to_string();
        assert_eq!(refusal("{}"), "this is no report: it has no `format`");
        assert!(refusal(r#"{"format":99}"#).contains("format 99"));
    }
}
