//! The relay: takes committed events from the outbox to the bus, and strikes them off once every
//! consumer has them.
//!
//! It is woken by each commit. While it is busy the outbox fills, so that under load one pass moves
//! many batches; its own writing rides in the ledger's transactions, or is committed without an fsync
//! of its own: what a power cut took of it, the outbox would bring again.

use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Result, Transaction};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};
use uuid::Uuid;

use crate::bus::{Bus, Message};
use crate::envelope::Received;
use crate::ledger::Ledger;
use crate::metrics::Metrics;
use crate::store::sqlite::{Readers, read};

/// How many outbox rows, that is, batches, one pass moves at most.
const ROWS: u32 = 256;
/// How long a failed pass waits before the next.
const PAUSE: Duration = Duration::from_secs(1);

/// Tells the relay that there is news. Cheap to clone; waking twice is waking once.
#[derive(Clone, Debug, Default)]
pub struct Wake(Arc<Notify>);

impl Wake {
    /// There is news.
    pub fn wake(&self) {
        self.0.notify_one();
    }
}

/// The relay's connections to the rest.
pub struct Relay {
    /// Reads the outbox.
    pub readers: Readers,
    /// Strikes off what was delivered.
    pub ledger: Ledger,
    /// Where events go.
    pub bus: Bus,
    /// Woken by commits.
    pub wake: Wake,
    /// Says how much waits.
    pub metrics: Arc<Metrics>,
}

impl Relay {
    /// Moves events until stopped. What is not moved then waits for the next start.
    pub async fn run(self, stop: CancellationToken) {
        loop {
            match self.pass().await {
                Ok(0) => {
                    tokio::select! {
                        () = stop.cancelled() => return,
                        () = self.wake.0.notified() => {}
                    }
                }
                Ok(_) if stop.is_cancelled() => return,
                Ok(_) => {}
                Err(error) => {
                    warn!(target: "relay", %error, "events wait in the outbox; trying again");
                    tokio::select! {
                        () = stop.cancelled() => return,
                        () = tokio::time::sleep(PAUSE) => {}
                    }
                }
            }
        }
    }

    /// Moves what waits; says how many rows that was.
    async fn pass(&self) -> anyhow::Result<usize> {
        let rows = self.readers.read(|db| read::outbox(db, ROWS)).await?;
        self.metrics.outbox(rows.len());
        if rows.is_empty() {
            return Ok(0);
        }
        let moved = rows.len();
        let ids: Vec<_> = rows.iter().map(|row| row.id).collect();
        let messages = rows
            .into_iter()
            .map(|row| {
                let events = serde_json::from_str::<Vec<Received>>(&row.events)?;
                events.iter().for_each(log);
                Ok(Message { id: row.id, created_at: row.created_at, events })
            })
            .collect::<serde_json::Result<Vec<_>>>()?;
        self.bus.deliver(messages).await?;
        self.ledger.write(move |tx| strike(tx, &ids)).await?;
        Ok(moved)
    }
}

/// Removes delivered rows. What the inboxes remember of them goes along: a row that is gone cannot
/// be delivered again.
fn strike(tx: &Transaction<'_>, ids: &[Uuid]) -> Result<()> {
    let mut outbox = tx.prepare_cached("DELETE FROM outbox WHERE id = ?")?;
    let mut inbox = tx.prepare_cached("DELETE FROM inbox WHERE consumer = ? AND event_id = ?")?;
    for id in ids {
        let id = &id.as_bytes()[..];
        outbox.execute([id])?;
        for consumer in crate::read_models::Consumer::ALL {
            inbox.execute((consumer.name(), id))?;
        }
    }
    Ok(())
}

/// Each event is a line of the log, so that whoever runs the program alone sees them go by, under the
/// badge of what it is about. User ids stay out of it.
fn log(event: &Received) {
    let name = event.r#type.as_str();
    let data = &event.data;
    let id = |id: Option<Uuid>| id.map(tracing::field::display);
    // A log line's target is fixed where it is written, so each has its own.
    macro_rules! line {
        ($target:literal) => {
            info!(
                target: $target,
                session = id(data.session_id),
                reservation = id(data.reservation_id),
                seats = data.total_seats.map_or(data.seat_ids.len(), usize::from),
                "{name}"
            )
        };
    }
    match name.split('.').next() {
        Some("session") => line!("session"),
        Some("seat") => line!("seat"),
        Some("payment") => line!("payment"),
        _ => line!("reservation"),
    }
}
