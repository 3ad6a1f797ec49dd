//! The page of metrics of a server.

/// The metrics of a server's processes.
pub(crate) struct Metrics(String);

impl Metrics {
    /// From the pages of its processes, one after the other.
    pub(crate) const fn of(pages: String) -> Self {
        Self(pages)
    }

    /// The sum of a series, written as on the page, labels included; 0 for one that is not there.
    pub(crate) fn value(&self, series: &str) -> f64 {
        let lines = self.0.lines();
        let values = lines.filter_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        values.filter_map(|value| value.parse::<f64>().ok()).sum()
    }

    /// By how much a series grew since `before`.
    pub(crate) fn since(&self, before: &Self, series: &str) -> f64 {
        self.value(series) - before.value(series)
    }
}
