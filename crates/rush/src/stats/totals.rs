//! The figures of a whole run: counts, rates and percentiles, of each action and of all.

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use super::counts::Counts;
use crate::history::Action;

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
    /// The percentiles of a histogram whose greatest value is `max_us`.
    pub(super) fn of(histogram: &Histogram<u64>, max_us: u64) -> Self {
        // A histogram answers with the upper end of a bucket, which may lie above everything seen.
        let at = |quantile| histogram.value_at_quantile(quantile).min(max_us);
        Self { p50_us: at(0.5), p90_us: at(0.9), p99_us: at(0.99), p999_us: at(0.999), max_us }
    }
}

/// One kind of request, or all of them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// Their outcomes.
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
    /// The kind of request.
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

/// Seconds as a number to divide by: 1 in place of 0.
pub(super) fn divisor(seconds: f64) -> f64 {
    if seconds > 0.0 { seconds } else { 1.0 }
}

/// Rounds to a thousandth: more would be noise, and would not survive being written and read.
pub(crate) fn rounded(number: f64) -> f64 {
    (number * 1e3).round() / 1e3
}
