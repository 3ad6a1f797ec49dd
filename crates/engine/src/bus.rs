//! The way from the relay to the projections, and to other programs.
//!
//! A message is one outbox row, that is, the events of one committed batch. It is delivered at least
//! once; each projection makes its effect happen exactly once by writing the message's id into its
//! inbox in the transaction of the effect.

mod local;
pub mod rabbitmq;

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::event::EventBatch;
use crate::ledger::Ledger;

/// The bus that was chosen. Cheap to clone.
#[derive(Clone)]
pub enum Bus {
    /// Straight to the projections, within this process.
    Local(local::Bus),
    /// Through queues on a broker, to whichever instance is free.
    RabbitMq(rabbitmq::Bus),
}

impl Bus {
    /// A bus within this process, which writes through `ledger`.
    pub const fn local(ledger: Ledger) -> Self {
        Self::Local(local::Bus::new(ledger))
    }

    /// A bus through a RabbitMQ. Nothing is connected before it is started.
    pub fn rabbitmq(settings: rabbitmq::Settings, parts: rabbitmq::Parts) -> Self {
        Self::RabbitMq(rabbitmq::Bus::new(settings, parts))
    }

    /// Starts the bus's own tasks, which run until stopped.
    pub fn start(&self, tasks: &TaskTracker, stop: &CancellationToken) {
        match self {
            Self::Local(_) => {}
            Self::RabbitMq(bus) => bus.start(tasks, stop),
        }
    }

    /// Whether the broker is reached and takes messages; `None` without a broker.
    pub fn is_up(&self) -> Option<bool> {
        match self {
            Self::Local(_) => None,
            Self::RabbitMq(bus) => Some(bus.is_up()),
        }
    }

    /// Why a reachable broker takes no events: it refuses or does not read messages, or has a queue
    /// with other arguments. One line, without passwords.
    pub fn obstacle(&self) -> Option<String> {
        match self {
            Self::Local(_) => None,
            Self::RabbitMq(bus) => bus.obstacle(),
        }
    }

    /// Delivers messages to every projection, or to queues that will; returns when all of them have
    /// accepted. After an error a part may have been delivered; deliver all of it again.
    pub async fn deliver(&self, messages: &[Arc<EventBatch>]) -> anyhow::Result<()> {
        match self {
            Self::Local(bus) => Ok(bus.deliver(messages).await?),
            Self::RabbitMq(bus) => bus.deliver(messages).await,
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
