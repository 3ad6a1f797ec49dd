//! The bus between instances: RabbitMQ.
//!
//! Publishing, in order: declare, publish by name, wait for every confirmation. Consuming: take the
//! messages that have arrived, write their effects in one transaction with the inbox, acknowledge.
//! Quorum queues (`topology`) connect the two sides; any number of instances consume. After a
//! failure the connection is made anew (`keep`), and unconfirmed messages stay in the outbox. Beside
//! that, instances hear each other at once and without any promise (`announcer`, `listener`).
//!
//! `docs/adr/0012-rabbitmq.md` and `docs/adr/0032-instances-hear-each-other.md` give the reasons.

mod transport;
mod greeting;
mod difference;
mod link;
mod topology;
mod feed;
mod inspection;
mod bindings;
mod confirms;
mod holds;
mod numbers;
mod state;
mod announcer;
mod listener;
mod singles;
mod retry;
mod work;
mod consumers;
mod publisher;
mod keep;
mod dead_letters;

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use dead_letters::{DeadLetter, DeadLetterQueue, list, replay};
pub use difference::{Item, is_closed_by};
pub use greeting::version;
pub use inspection::{Inspected, inspect};
pub use state::{Parts, Settings, SingleEvents};
pub use topology::Queue;
pub use transport::connect;

use crate::event::EventBatch;
use link::Side;
use state::State;

/// The bus of one instance. Cheap to clone.
#[derive(Clone)]
pub struct Bus(Arc<State>);

impl Bus {
    /// A bus that is not connected yet.
    pub(super) fn new(settings: Settings, parts: Parts) -> Self {
        Self(Arc::new(State::new(settings, parts)))
    }

    /// Keeps both sides connected until stopped.
    pub(super) fn start(&self, tasks: &TaskTracker, stop: &CancellationToken) {
        for side in [Side::Publishing, Side::Consuming] {
            tasks.spawn(keep::keep(Arc::clone(&self.0), side, stop.clone()));
        }
    }

    /// Whether both sides are connected, and the broker takes messages.
    pub(super) fn is_up(&self) -> bool {
        self.0.publishing.is_up() && self.0.consuming.is_up()
    }

    /// Why a reachable broker cannot be used.
    pub(super) fn obstacle(&self) -> Option<String> {
        self.0.publishing.obstacle().or_else(|| self.0.consuming.obstacle())
    }

    /// Publishes messages to every queue that wants them; returns when the broker has confirmed all.
    pub(super) async fn deliver(&self, messages: &[Arc<EventBatch>]) -> anyhow::Result<()> {
        self.0.deliver(messages).await
    }
}
