//! The bus between instances: RabbitMQ.
//!
//! Publishing, in order: declare, publish by name, wait for every confirmation. Consuming: take what has
//! arrived, write it down in one transaction with the inbox, acknowledge. Between the two sides stand
//! quorum queues (`topology`), which any number of instances work on. Whatever fails is made anew from
//! the connection up (`link`), and whatever was not confirmed stays in the outbox.
//!
//! `docs/adr/0012-rabbitmq.md` tells why it is so.

mod consumers;
mod dead_letters;
mod holds;
mod link;
mod publisher;
mod retry;
mod topology;
mod work;

use std::sync::Arc;

use lapin::uri::AMQPUri;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use dead_letters::{DeadLetter, Pile, list, replay};
pub use topology::Queue;

use crate::clock::Clock;
use crate::expiry::Expiry;
use crate::ledger::Ledger;
use crate::observe::metrics::{BrokerMeters, Metrics};
use crate::observe::traces::Traces;
use crate::store::Readers;
use holds::Lengths;
use link::{Link, Side};
use publisher::Publisher;

/// What the bus needs of the rest.
pub struct Parts {
    /// The time.
    pub clock: Clock,
    /// Writes what the consumers make of events, and records lapses.
    pub ledger: Ledger,
    /// Finds holds whose messages were lost.
    pub readers: Readers,
    /// Watches holds that a queue cannot.
    pub expiry: Arc<Expiry>,
    /// Counts.
    pub metrics: Arc<Metrics>,
    /// Tells of what consumers do, in the traces of what caused it.
    pub traces: Traces,
}

/// The bus of one instance.
pub struct Bus {
    uri: AMQPUri,
    /// Whether single events go to the exchange.
    exchange: bool,
    clock: Clock,
    ledger: Ledger,
    readers: Readers,
    expiry: Arc<Expiry>,
    traces: Traces,
    meters: BrokerMeters,
    lengths: Lengths,
    publishing: Link,
    consuming: Link,
    publisher: Mutex<Option<Publisher>>,
}

impl Bus {
    /// A bus that is not connected yet.
    pub(super) fn new(uri: AMQPUri, exchange: bool, parts: Parts) -> Self {
        let Parts { clock, ledger, readers, expiry, metrics, traces } = parts;
        let queues = Queue::ALL.map(Queue::name);
        let targets =
            [Queue::Reservations.name(), Queue::Payments.name(), holds::METER, topology::EXCHANGE];
        let meters = metrics.broker(&targets, &queues);
        Self {
            uri,
            exchange,
            clock,
            ledger,
            readers,
            expiry,
            traces,
            meters,
            lengths: Lengths::default(),
            publishing: Link::new(Side::Publishing),
            consuming: Link::new(Side::Consuming),
            publisher: Mutex::default(),
        }
    }

    /// Keeps both sides connected until stopped.
    pub(super) fn start(self: &Arc<Self>, tasks: &TaskTracker, stop: &CancellationToken) {
        for side in [Side::Publishing, Side::Consuming] {
            tasks.spawn(link::keep(Arc::clone(self), side, stop.clone()));
        }
    }

    /// Whether both sides are connected.
    pub(super) fn is_up(&self) -> bool {
        self.publishing.is_up() && self.consuming.is_up()
    }

    const fn link(&self, side: Side) -> &Link {
        match side {
            Side::Publishing => &self.publishing,
            Side::Consuming => &self.consuming,
        }
    }
}
