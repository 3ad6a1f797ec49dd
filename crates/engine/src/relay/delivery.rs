//! Delivering batches of events.

use std::sync::Arc;

use super::log;
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
use uuid::Uuid;

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
}

/// Batches that the bus has, and whose rows are still in the outbox.
#[derive(Default)]
pub(super) struct Delivered {
    rows: Vec<Uuid>,
    /// To be added to the projections when the rows are deleted.
    effects: Vec<(Projection, Effect)>,
    /// A span for each projection, until then.
    consuming: Vec<Span>,
}

impl Delivered {
    pub(super) const fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    pub(super) fn add(&mut self, more: Self) {
        self.rows.extend(more.rows);
        self.effects.extend(more.effects);
        self.consuming.extend(more.consuming);
    }
}

impl Delivery {
    /// Takes batches to the bus and deletes their rows of the outbox; gives their number.
    pub(super) async fn deliver(&self, batches: &[Arc<EventBatch>]) -> anyhow::Result<usize> {
        let delivered = self.publish(batches).await?;
        self.delete(delivered).await?;
        Ok(batches.len())
    }

    /// Takes batches to the bus.
    pub(super) async fn publish(&self, batches: &[Arc<EventBatch>]) -> anyhow::Result<Delivered> {
        if batches.is_empty() {
            return Ok(Delivered::default());
        }
        batches.iter().flat_map(|batch| &batch.events).for_each(log::event);
        let causes = batches.iter().flat_map(|batch| batch.traceparents());
        let span = self.traces.following("publish", SpanKind::Producer, causes);
        let count = i64::try_from(batches.len()).unwrap_or(i64::MAX);
        span.set("messaging.batch.message_count", count);
        Failpoint::Publishing.reached();
        let delivered = span.around(self.bus.deliver(batches)).await;
        let effects = delivered.inspect_err(|error| span.fail(error))?;
        Failpoint::Published.reached();
        let consuming = span.around(async { consuming(&effects) }).await;
        let rows = batches.iter().map(|batch| batch.id).collect();
        Ok(Delivered { rows, effects, consuming })
    }

    /// Deletes rows of the outbox, and adds their effects.
    pub(super) async fn delete(&self, delivered: Delivered) -> anyhow::Result<()> {
        let Delivered { rows, effects, consuming } = delivered;
        if rows.is_empty() {
            return Ok(());
        }
        let deleted = self.ledger.write(BackgroundWrite::DeleteOutbox { rows, effects }).await;
        deleted.inspect_err(|error| consuming.iter().for_each(|span| span.fail(error)))?;
        Ok(())
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
