//! Counting what was committed.

use std::sync::Arc;

use poltrona_domain::Event;

use crate::ledger::Commit;
use crate::ledger::feed::{Next, Subscription};
use crate::observe::metrics::Metrics;

/// Counts commits until the feed ends. Commits that it misses count as missed only.
pub async fn run(metrics: Arc<Metrics>, mut commits: Subscription) {
    while let Some(next) = commits.next().await {
        match next {
            Next::Commit(commit) => count(&metrics, &commit),
            Next::Missed(missed) => metrics.missed(missed),
        }
    }
}

fn count(metrics: &Metrics, commit: &Commit) {
    metrics.committed(commit.commands, commit.took);
    for event in &commit.events {
        if let Event::ReservationExpired { reservation } = event {
            metrics.expired(reservation.expires_at.until(commit.at));
        }
    }
}
