//! What a run measured: how many answers of which kind, how long people waited, and how both went
//! over time.
//!
//! Each thread of the crowd has a [`Recorder`] of its own and tells it of every answer; at the end
//! they are merged and read as [`Stats`] and [`Series`]. Memory depends on neither the rate nor the
//! length of the run. Latencies count from when a request was meant to be sent, so that a server
//! that stalls cannot hide the people it kept waiting; every outcome counts, for a refusal that
//! took a second is a second of somebody's life too.

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use crate::history::Action;

mod recorder;
mod series;

pub use recorder::{Glance, Recorder, Shared};
pub use series::{Point, SLOTS, Series};

/// How an operation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It was done.
    Ok,
    /// It was refused: nothing was done.
    Refused,
    /// There was no answer, or nobody read it.
    Unknown,
    /// The server said that it failed: a 5xx.
    Fault,
}

impl Outcome {
    /// What an HTTP status means; 0 stands for no answer.
    pub const fn of(status: u16) -> Self {
        match status {
            0 => Self::Unknown,
            500.. => Self::Fault,
            400.. => Self::Refused,
            _ => Self::Ok,
        }
    }
}

/// How many operations ended in which way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Done.
    pub ok: u64,
    /// Refused.
    pub refused: u64,
    /// Without an answer.
    pub unknown: u64,
    /// Failed on the server's side.
    pub fault: u64,
}

impl Counts {
    /// All of them.
    pub const fn all(&self) -> u64 {
        self.ok + self.refused + self.unknown + self.fault
    }

    const fn add(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Ok => self.ok += 1,
            Outcome::Refused => self.refused += 1,
            Outcome::Unknown => self.unknown += 1,
            Outcome::Fault => self.fault += 1,
        }
    }

    /// Adds those of another.
    pub const fn merge(&mut self, other: &Self) {
        self.ok += other.ok;
        self.refused += other.refused;
        self.unknown += other.unknown;
        self.fault += other.fault;
    }
}

/// How long answers took, in microseconds; up to 2 ms exactly, above with an error below 0.1 %.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Latency {
    /// Half of all took no longer.
    pub p50_us: u64,
    /// 90 in 100 took no longer.
    pub p90_us: u64,
    /// 99 in 100 took no longer.
    pub p99_us: u64,
    /// 999 in 1,000 took no longer.
    pub p999_us: u64,
    /// The longest.
    pub max_us: u64,
}

impl Latency {
    fn of(histogram: &Histogram<u64>, max_us: u64) -> Self {
        // A histogram answers with the upper end of a bucket, which may lie above everything seen.
        let at = |quantile| histogram.value_at_quantile(quantile).min(max_us);
        Self { p50_us: at(0.5), p90_us: at(0.9), p99_us: at(0.99), p999_us: at(0.999), max_us }
    }
}

/// One kind of request, or all of them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// How they ended.
    #[serde(flatten)]
    pub counts: Counts,
    /// How many a second over the whole run, to a thousandth.
    pub per_second: f64,
    /// How long they took.
    #[serde(flatten)]
    pub latency: Latency,
}

/// The figures of one kind of request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ActionRow {
    /// What was asked.
    pub action: Action,
    /// Its figures.
    #[serde(flatten)]
    pub row: Row,
}

/// The figures of a whole run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Stats {
    /// All requests together.
    pub all: Row,
    /// Each kind that was asked at least once, in the order of [`Action`].
    pub actions: Vec<ActionRow>,
}

/// Seconds as a number to divide by; never 0.
fn divisor(seconds: f64) -> f64 {
    if seconds > 0.0 { seconds } else { 1.0 }
}

/// To a thousandth: more would be noise, and would not survive being written and read.
pub(crate) fn rounded(number: f64) -> f64 {
    (number * 1e3).round() / 1e3
}
