//! The way from the relay to the consumers.
//!
//! A message is one outbox row, that is, the events of one committed batch. It is delivered at least
//! once; each consumer makes its effect happen exactly once by writing the message's id into its
//! inbox in the transaction of the effect.

mod local;
pub mod rabbitmq;

use std::sync::Arc;

use lapin::uri::AMQPUri;
use poltrona_domain::Timestamp;
use serde::de::Error as _;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use crate::envelope::Received;
use crate::store::query::OutboxRow;

/// More than ten seats at the highest price.
const TOTAL_MAX: f64 = 1e9;

/// The events of one batch, on their way.
#[derive(Debug)]
pub struct Message {
    /// The outbox row's id.
    pub id: Uuid,
    /// When the batch was decided.
    pub created_at: Timestamp,
    /// Its events, in the order they were decided.
    pub events: Vec<Received>,
    /// The same as it is sent: a JSON array of envelopes.
    pub json: String,
}

/// Whoever takes messages to the consumers.
#[derive(Clone)]
pub enum Bus {
    /// Straight to the consumers of this process.
    Local(local::Bus),
    /// Through queues on a broker, to the consumers of whichever instance is free.
    RabbitMq(Arc<rabbitmq::Bus>),
}

impl Message {
    /// Reads an outbox row. What others sent as one of ours may hold anything: a total that no sale
    /// can have would break the sums.
    pub fn read(row: OutboxRow) -> serde_json::Result<Self> {
        let OutboxRow { id, created_at, events: json } = row;
        let events: Vec<Received> = serde_json::from_str(&json)?;
        let mut totals = events.iter().filter_map(|event| event.data.total);
        match totals.find(|total| !(0.0..=TOTAL_MAX).contains(total)) {
            Some(total) => {
                Err(serde_json::Error::custom(format!("no sale has a total of {total}")))
            }
            None => Ok(Self { id, created_at, events, json }),
        }
    }

    /// The requests that caused its events, by their `traceparent`.
    pub fn traceparents(&self) -> impl Iterator<Item = &str> {
        self.events.iter().filter_map(|event| event.traceparent.as_deref())
    }
}

impl Bus {
    /// A bus whose consumers are in this process, and write through `ledger`.
    pub const fn local(ledger: crate::ledger::Ledger) -> Self {
        Self::Local(local::Bus::new(ledger))
    }

    /// A bus through a RabbitMQ; with `exchange`, single events go to others as well. Nothing is connected
    /// before it is started.
    pub fn rabbitmq(uri: AMQPUri, exchange: bool, parts: rabbitmq::Parts) -> Self {
        Self::RabbitMq(Arc::new(rabbitmq::Bus::new(uri, exchange, parts)))
    }

    /// Starts what runs beside the relay until stopped.
    pub fn start(&self, tasks: &TaskTracker, stop: &CancellationToken) {
        match self {
            Self::Local(_) => {}
            Self::RabbitMq(bus) => bus.start(tasks, stop),
        }
    }

    /// Whether the broker is reached; none where there is no broker.
    pub fn is_up(&self) -> Option<bool> {
        match self {
            Self::Local(_) => None,
            Self::RabbitMq(bus) => Some(bus.is_up()),
        }
    }

    /// Delivers messages to every consumer, or to queues that will; returns when all of them have
    /// taken charge. What failed may have been delivered in part, and is to be delivered again.
    pub async fn deliver(&self, messages: Vec<Message>) -> anyhow::Result<()> {
        match self {
            Self::Local(bus) => Ok(bus.deliver(&messages).await?),
            Self::RabbitMq(bus) => bus.deliver(&messages).await,
        }
    }

    /// Whether a message that was delivered, and whose outbox row is gone, can come again.
    pub const fn redelivers(&self) -> bool {
        match self {
            Self::Local(_) => false,
            Self::RabbitMq(_) => true,
        }
    }
}
