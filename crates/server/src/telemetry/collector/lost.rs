//! The count of spans that do not arrive.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use poltrona_engine::observe::metrics::Metrics;

/// How many spans one message to the collector carries at most.
pub(super) const BATCH_MAX: usize = 512;

/// The number of spans that the collector did not get.
pub(super) struct Lost {
    total: AtomicU64,
    metrics: Arc<Metrics>,
}

impl Lost {
    pub(super) const fn new(metrics: Arc<Metrics>) -> Self {
        Self { total: AtomicU64::new(0), metrics }
    }

    pub(super) fn total(&self) -> u64 {
        self.total.load(Ordering::Relaxed)
    }

    pub(super) fn count(&self, spans: usize) {
        let spans = u64::try_from(spans).unwrap_or(u64::MAX);
        self.total.fetch_add(spans, Ordering::Relaxed);
        self.metrics.spans_dropped(spans);
    }
}

impl fmt::Debug for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.total.fmt(f)
    }
}
