//! One table: some things, each measured on some sides by turns.

use std::collections::BTreeMap;
use std::fmt::Display;

use serde::{Deserialize, Serialize};

use super::measure::{Measure, Sample};
use super::promises::by_id;
use super::spread::Spread;

/// The side that is compared with all others: the program under measurement.
pub(crate) const OURS: &str = "ours";

/// One property of what was measured, such as `connections`: `64`.
pub(crate) type Label = (String, String);

/// A label.
pub(crate) fn label(name: &str, value: impl Display) -> Label {
    (name.to_owned(), format!("{value}"))
}

/// Figures measured by turns, with the ratios that follow from them.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Section {
    pub(crate) case: String,
    pub(crate) title: String,
    /// The measures that the table shows, in order; the series may have more.
    pub(super) columns: Vec<Measure>,
    /// The measures of which the table shows ratios.
    pub(super) ratios: Vec<Measure>,
    pub(super) series: Vec<Series>,
    pub(super) findings: Vec<Finding>,
}

/// The runs of one thing on one side.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Series {
    pub(super) labels: Vec<Label>,
    /// `ours`, `ceiling`, or another program's or server's name.
    pub(super) side: String,
    /// Why its figures do not count, if they do not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) void: Option<String>,
    pub(super) runs: Vec<Sample>,
    pub(super) spreads: BTreeMap<Measure, Spread>,
    /// Our value divided by this side's, of each pair of runs.
    pub(super) ours_beside_it: BTreeMap<Measure, Spread>,
}

/// A figure that was promised.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Finding {
    /// The promise.
    pub(super) promise: String,
    /// The figure.
    pub(super) value: f64,
    /// Its bound, and its distance from that.
    pub(super) reach: String,
    pub(super) aim: String,
    pub(super) verdict: String,
}

impl Section {
    /// A table of these measures, as yet without rows.
    pub(crate) fn new(case: &str, title: impl Into<String>, columns: &[Measure]) -> Self {
        Self {
            case: case.to_owned(),
            title: title.into(),
            columns: columns.to_vec(),
            ratios: vec![Measure::Rate, Measure::ServerUs],
            series: Vec::new(),
            findings: Vec::new(),
        }
    }

    /// Shows ratios of these measures, in place of throughput and CPU time.
    pub(crate) fn with_ratios(mut self, ratios: &[Measure]) -> Self {
        self.ratios = ratios.to_vec();
        self
    }

    /// Adds a run.
    pub(crate) fn add(&mut self, labels: &[Label], side: &str, run: Sample) {
        self.series_of(labels, side).runs.push(run);
    }

    /// Declares the figures of a series void.
    pub(crate) fn declare_void(&mut self, labels: &[Label], side: &str, why: String) {
        self.series_of(labels, side).void.get_or_insert(why);
    }

    fn series_of(&mut self, labels: &[Label], side: &str) -> &mut Series {
        let is_it = |series: &Series| series.side == side && series.labels == labels;
        let at = self.series.iter().position(is_it).unwrap_or_else(|| {
            self.series.push(Series::new(labels, side));
            self.series.len() - 1
        });
        &mut self.series[at]
    }

    fn runs(&self, labels: &[Label], side: &str) -> &[Sample] {
        let counts = |series: &&Series| {
            series.side == side && series.labels == labels && series.void.is_none()
        };
        self.series.iter().find(counts).map_or(&[], |series| &series.runs)
    }

    /// The median of a measure on our side; not a number where there is none.
    pub(crate) fn median(&self, labels: &[Label], measure: Measure) -> f64 {
        let values = self.runs(labels, OURS).iter().map(|run| run.get(measure));
        Spread::of(values).map_or(f64::NAN, |spread| spread.median)
    }

    /// The median over the pairs of runs of a measure on our side, divided by that of another side.
    pub(crate) fn ratio(&self, labels: &[Label], side: &str, measure: Measure) -> f64 {
        median_of_pairs(self.runs(labels, OURS), self.runs(labels, side), measure)
    }

    /// The same of two things on our side.
    pub(crate) fn ratio_of(&self, labels: &[Label], beside: &[Label], measure: Measure) -> f64 {
        median_of_pairs(self.runs(labels, OURS), self.runs(beside, OURS), measure)
    }

    /// Compares a figure with what was promised; a figure that was not measured is left out.
    pub(crate) fn judge(&mut self, promise: &str, value: f64) {
        let Some(promise) = by_id(promise).filter(|_| value.is_finite()) else { return };
        self.findings.push(Finding {
            promise: promise.id.to_owned(),
            value,
            reach: promise.reach(),
            aim: promise.aim(),
            verdict: promise.verdict(value),
        });
    }

    /// Works out spreads and ratios, when all runs are there.
    pub(super) fn finish(mut self) -> Self {
        let counts = |series: &&Series| series.side == OURS && series.void.is_none();
        let ours: Vec<_> = self.series.iter().filter(counts).cloned().collect();
        for series in &mut self.series {
            let spread =
                |runs: &[Sample], measure| Spread::of(runs.iter().map(|run| run.get(measure)));
            series.spreads = measures(&series.runs)
                .filter_map(|measure| Some((measure, spread(&series.runs, measure)?)))
                .collect();
            if series.side == OURS || series.void.is_some() {
                continue;
            }
            let Some(ours) = ours.iter().find(|ours| ours.labels == series.labels) else {
                continue;
            };
            series.ours_beside_it = measures(&series.runs)
                .filter_map(|measure| {
                    Some((measure, Spread::of(pairs(&ours.runs, &series.runs, measure))?))
                })
                .collect();
        }
        self
    }
}

impl Series {
    fn new(labels: &[Label], side: &str) -> Self {
        Self {
            labels: labels.to_vec(),
            side: side.to_owned(),
            void: None,
            runs: Vec::new(),
            spreads: BTreeMap::new(),
            ours_beside_it: BTreeMap::new(),
        }
    }
}

fn measures(runs: &[Sample]) -> impl Iterator<Item = Measure> {
    runs.iter().take(1).flat_map(Sample::measures)
}

/// The ratio of each run and the one that was made right after it.
fn pairs(of: &[Sample], beside: &[Sample], measure: Measure) -> impl Iterator<Item = f64> {
    of.iter().zip(beside).map(move |(of, beside)| of.get(measure) / beside.get(measure))
}

fn median_of_pairs(of: &[Sample], beside: &[Sample], measure: Measure) -> f64 {
    Spread::of(pairs(of, beside, measure)).map_or(f64::NAN, |spread| spread.median)
}
