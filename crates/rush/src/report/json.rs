//! A report and its JSON, which is the whole of it: the other forms are made from it.

use std::io::{Read, Write};

use serde::{Deserialize, Serialize};

use super::machine::Machine;
use super::verdict::Verdict;
use crate::stats::{Recorder, Series, Stats, rounded};

/// The version of the JSON. It grows when a reader of the old one would misread the new one; new
/// fields alone do not make it grow.
pub const FORMAT: u32 = 1;

/// A run, its figures and its verdict.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// [`FORMAT`] of the program that wrote it.
    pub format: u32,
    /// Its settings.
    pub run: Run,
    /// Where the crowd ran.
    pub machine: Machine,
    /// Its figures as a whole.
    pub stats: Stats,
    /// Its figures over time.
    pub series: Series,
    /// The judge's verdict; `None` if the run was not judged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
    /// Notes to its readers, such as abilities that the server lacks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// The settings of a run, and when and against which server it ran.
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
    /// When it began, in RFC 3339; see [`started`](super::machine::started).
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub started: String,
    /// This tool's version.
    pub version: String,
    /// The server's name and version, as its health shows them.
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_of_another_kind_or_time_is_refused_with_a_reason() {
        let refusal = |json: &str| Report::read_json(json.as_bytes()).unwrap_err().to_string();
        assert_eq!(refusal("{}"), "this is no report: it has no `format`");
        assert!(refusal(r#"{"format":99}"#).contains("format 99"));
    }
}
