//! The relay: takes committed events from the outbox to the bus, and strikes them off once every
//! consumer, or every queue that stands for one, has them.
//!
//! It is woken by each commit. While it is busy the outbox fills, so that under load one pass moves
//! many batches. Where several instances share an outbox, each moves what it committed itself, without
//! reading it again; what an instance left behind, or could not deliver, is swept up by whichever has
//! the turn, once a second. A message so may come twice, and never gets lost.

mod news;
mod sweep;

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{info, warn};
use uuid::Uuid;

pub use news::News;

use crate::bus::{Bus, Message};
use crate::envelope::Received;
use crate::expiry::Expiry;
use crate::failpoint::Failpoint;
use crate::ledger::Ledger;
use crate::observe::traceparent;
use crate::observe::traces::{SpanKind, Traces};
use crate::store::query::OutboxRow;
use crate::store::{Chore, Readers, postgres};

/// How many outbox rows, that is, batches, one pass moves at most.
const ROWS: usize = 256;
/// How long a failed pass waits before the next.
const PAUSE: Duration = Duration::from_secs(1);

/// Whose outbox it is.
#[derive(Clone)]
pub enum Outbox {
    /// This process's alone.
    Ours {
        /// Rings when something was committed.
        news: News,
        /// Reads the rows.
        readers: Readers,
    },
    /// Shared by instances.
    Shared {
        /// Brings what this instance committed.
        news: News,
        /// Reads what was left behind.
        readers: Readers,
        /// Gives the turn to sweep.
        pool: postgres::Pool,
    },
}

/// The relay's connections to the rest.
#[derive(Clone)]
pub struct Relay {
    /// Where events come from.
    pub outbox: Outbox,
    /// Strikes off what was delivered.
    pub ledger: Ledger,
    /// Where events go.
    pub bus: Bus,
    /// Learns of lapses that nobody announced.
    pub expiry: Arc<Expiry>,
    /// Who is told of deliveries.
    pub traces: Traces,
}

impl Outbox {
    /// What the ledger tells of its commits.
    pub fn news(&self) -> News {
        match self {
            Self::Ours { news, .. } | Self::Shared { news, .. } => news.clone(),
        }
    }
}

impl Relay {
    /// Starts what moves events until stopped. What is not moved then waits for the next start.
    pub fn start(self, tasks: &TaskTracker, stop: &CancellationToken) {
        match self.outbox.clone() {
            Outbox::Ours { news, readers } => {
                tasks.spawn(self.move_all(news, readers, stop.clone()));
            }
            Outbox::Shared { news, readers, pool } => {
                tasks.spawn(self.clone().move_own(news, stop.clone()));
                tasks.spawn(self.sweep(readers, pool, stop.clone()));
            }
        }
    }

    /// Moves whatever the outbox holds.
    async fn move_all(self, news: News, readers: Readers, stop: CancellationToken) {
        loop {
            let moved = match readers.outbox(ROWS, Duration::ZERO).await {
                Ok(rows) => self.deliver(rows).await,
                Err(error) => Err(error.into()),
            };
            let next = async {
                match &moved {
                    Ok(0) => news.rung().await,
                    Ok(_) => {}
                    Err(_) => tokio::time::sleep(PAUSE).await,
                }
            };
            if let Err(error) = &moved {
                warn!(target: "relay", %error, "events wait in the outbox; trying again");
            }
            if stop.run_until_cancelled(next).await.is_none() {
                return;
            }
        }
    }

    /// Moves what this instance committed. What fails is left to the sweep.
    async fn move_own(self, news: News, stop: CancellationToken) {
        let mut failing = false;
        while let Some(rows) = stop.run_until_cancelled(news.rows(ROWS)).await {
            match self.deliver(rows).await {
                Ok(_) => failing = false,
                Err(error) if !failing => {
                    failing = true;
                    warn!(target: "relay", %error, "events wait in the outbox until they can be delivered");
                }
                Err(_) => {}
            }
        }
    }

    /// Takes rows to the bus and strikes them off; says how many.
    async fn deliver(&self, rows: Vec<OutboxRow>) -> anyhow::Result<usize> {
        if rows.is_empty() {
            return Ok(0);
        }
        let moved = rows.len();
        let messages: Vec<_> = rows.into_iter().map(Message::read).collect::<Result<_, _>>()?;
        let ids = messages.iter().map(|message| message.id).collect();
        let told = messages.iter().flat_map(|message| &message.events);
        told.for_each(log);
        let causes = messages.iter().flat_map(Message::traceparents);
        let span = self.traces.following("publish", SpanKind::Producer, causes);
        span.set("messaging.batch.message_count", i64::try_from(moved).unwrap_or(i64::MAX));
        Failpoint::Publishing.reached();
        let delivered = span.around(self.bus.deliver(messages)).await;
        delivered.inspect_err(|error| span.fail(error))?;
        Failpoint::Published.reached();
        drop(span);
        // A row that is gone comes again only where someone else may have it in hand.
        let with_inbox = matches!(self.outbox, Outbox::Ours { .. }) && !self.bus.redelivers();
        self.ledger.write(Chore::Strike { rows: ids, with_inbox }).await?;
        Ok(moved)
    }
}

/// Each event is a line of the log, so that whoever runs the program alone sees them go by, under the
/// badge of what it is about. User ids stay out of it.
fn log(event: &Received) {
    let name = event.r#type.as_str();
    let data = &event.data;
    let id = |id: Option<Uuid>| id.map(tracing::field::display);
    let trace = event.traceparent.as_deref().and_then(traceparent::trace);
    // A log line's target is fixed where it is written, so each has its own.
    macro_rules! line {
        ($target:literal) => {
            info!(
                target: $target,
                session = id(data.session_id),
                reservation = id(data.reservation_id),
                seats = data.total_seats.map_or(data.seat_ids.len(), usize::from),
                trace_id = trace,
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
