//! The way from the relay to the projections, and to other programs.
//!
//! A message is one outbox row, that is, the events of one committed batch. It is delivered at least
//! once; its effect happens exactly once. Within the process the transaction of the effect deletes the row;
//! behind a broker it writes the message's id into the projection's inbox.

mod local;
pub mod rabbitmq;

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::event::EventBatch;
use crate::store::background::{Effect, Projection};

/// The bus that was chosen. Cheap to clone.
#[derive(Clone)]
pub enum Bus {
    /// Straight to the projections, within this process.
    Local,
    /// Through queues on a broker, to whichever instance is free.
    RabbitMq(rabbitmq::Bus),
}

impl Bus {
    /// A bus through a RabbitMQ. Nothing is connected before it is started.
    pub fn rabbitmq(settings: rabbitmq::Settings, parts: rabbitmq::Parts) -> Self {
        Self::RabbitMq(rabbitmq::Bus::new(settings, parts))
    }

    /// Starts the bus's own tasks, which run until stopped.
    pub fn start(&self, tasks: &TaskTracker, stop: &CancellationToken) {
        match self {
            Self::Local => {}
            Self::RabbitMq(bus) => bus.start(tasks, stop),
        }
    }

    /// Whether the broker is reached and takes messages; `None` without a broker.
    pub fn is_up(&self) -> Option<bool> {
        match self {
            Self::Local => None,
            Self::RabbitMq(bus) => Some(bus.is_up()),
        }
    }

    /// Why a reachable broker takes no events: it refuses or does not read messages, or has a queue
    /// with other arguments. One line, without passwords.
    pub fn obstacle(&self) -> Option<String> {
        match self {
            Self::Local => None,
            Self::RabbitMq(bus) => bus.obstacle(),
        }
    }

    /// Delivers messages to queues of every projection; returns when all of them have accepted. After an error
    /// a part may have been delivered; deliver all of it again.
    ///
    /// Without a broker, gives the effects on the projections instead, to be added when the messages are
    /// deleted.
    pub async fn deliver(
        &self,
        messages: &[Arc<EventBatch>],
    ) -> anyhow::Result<Vec<(Projection, Effect)>> {
        match self {
            Self::Local => Ok(local::effects(messages)),
            Self::RabbitMq(bus) => bus.deliver(messages).await.map(|()| Vec::new()),
        }
    }
}
