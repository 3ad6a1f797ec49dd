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

    /// Starts what runs beside the relay until stopped.
    pub fn start(&self, tasks: &TaskTracker, stop: &CancellationToken) {
        match self {
            Self::Local(_) => {}
            Self::RabbitMq(bus) => bus.start(tasks, stop),
        }
    }

    /// Whether the broker is reached and takes messages; none where there is no broker.
    pub fn is_up(&self) -> Option<bool> {
        match self {
            Self::Local(_) => None,
            Self::RabbitMq(bus) => Some(bus.is_up()),
        }
    }

    /// Why events do not get out although the broker is reached: messages that it refuses or does not read,
    /// or a queue that it has with other arguments. One line; has no passwords.
    pub fn obstacle(&self) -> Option<String> {
        match self {
            Self::Local(_) => None,
            Self::RabbitMq(bus) => bus.obstacle(),
        }
    }

    /// Delivers messages to every projection, or to queues that will; returns when all of them have
    /// taken charge. What failed may have been delivered in part, and is to be delivered again.
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
