//! Delivering batches of events.

use std::sync::Arc;

use tokio::time::Instant;

use super::log::EventLog;
use crate::bus::Bus;
use crate::event::EventBatch;
use crate::expiry::Expiry;
use crate::failpoint::Failpoint;
use crate::ledger::Ledger;
use crate::observe::metrics::Metrics;
use crate::observe::traces::{Span, SpanKind, Traces};
use crate::store::Store;
use crate::store::background::{BackgroundWrite, Effect, Projection};
use crate::store::query::OutboxRow;

/// How many outbox rows, that is, batches, one pass moves at most.
pub(super) const ROWS: usize = 256;

/// The parts that the relay uses. Cheap to clone.
#[derive(Clone)]
pub struct Delivery {
    /// Where the outbox is.
    pub store: Store,
    /// Deletes what was delivered.
    pub ledger: Ledger,
    /// Where events go.
    pub bus: Bus,
    /// Watches holds whose lapse nobody announced.
    pub expiry: Arc<Expiry>,
    /// Records spans of deliveries.
    pub traces: Traces,
    /// Counts.
    pub metrics: Arc<Metrics>,
    /// The log of events.
    pub log: Arc<EventLog>,
}

impl Delivery {
    /// Takes batches to the bus and deletes their rows of the outbox; gives their number.
    pub(super) async fn deliver(&self, batches: &[Arc<EventBatch>]) -> anyhow::Result<usize> {
        if batches.is_empty() {
            return Ok(0);
        }
        let now = Instant::now();
        batches.iter().flat_map(|batch| &batch.events).for_each(|event| self.log.event(event, now));
        let causes = batches.iter().flat_map(|batch| batch.traceparents());
        let span = self.traces.following("publish", SpanKind::Producer, causes);
        let count = i64::try_from(batches.len()).unwrap_or(i64::MAX);
        span.set("messaging.batch.message_count", count);
        Failpoint::Publishing.reached();
        let delivered = span.around(self.bus.deliver(batches)).await;
        let effects = delivered.inspect_err(|error| span.fail(error))?;
        Failpoint::Published.reached();
        let consuming = span.around(async { consuming(&effects) }).await;
        drop(span);
        let rows = batches.iter().map(|batch| batch.id).collect();
        let deleted = self.ledger.write(BackgroundWrite::DeleteOutbox { rows, effects }).await;
        deleted.inspect_err(|error| consuming.iter().for_each(|span| span.fail(error)))?;
        Ok(batches.len())
    }

    /// Decodes rows of the outbox that this process did not make, or no longer has in memory.
    pub(super) fn read(rows: Vec<OutboxRow>) -> anyhow::Result<Vec<Arc<EventBatch>>> {
        let read = rows.into_iter().map(|row| {
            let batch = EventBatch::read(row.id, row.created_at, row.events)?;
            Ok(Arc::new(batch))
        });
        read.collect()
    }
}

/// A span for each projection that effects are added to.
fn consuming(effects: &[(Projection, Effect)]) -> Vec<Span> {
    let of_one = |projection: &Projection| {
        let span = Span::consumer("consume");
        span.set("messaging.destination.name", projection.name());
        span
    };
    let is_followed = |it: &&Projection| effects.iter().any(|(followed, _)| followed == *it);
    Projection::ALL.iter().filter(is_followed).map(of_one).collect()
}
