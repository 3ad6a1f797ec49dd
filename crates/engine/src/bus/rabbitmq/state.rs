//! State that the two sides of the bus share.

use std::sync::Arc;

use lapin::uri::AMQPUri;
use tokio::sync::Mutex;

use super::confirms::Publisher;
use super::holds::{self, DelayQueues};
use super::link::{Link, Side};
use super::topology::{self, Queue};
use crate::env::Env;
use crate::expiry::Expiry;
use crate::ledger::Ledger;
use crate::observe::broker_meters::BrokerMeters;
use crate::observe::metrics::Metrics;
use crate::observe::traces::Traces;
use crate::store::Store;
use crate::tls::Tls;

/// The broker's address, and what goes to it.
#[derive(Clone)]
pub struct Settings {
    /// Its address, and the login.
    pub uri: AMQPUri,
    /// The authorities that an `amqps:` connection trusts.
    pub tls: Tls,
    /// Whether single events go to the exchange, for other programs.
    pub exchange: bool,
}

/// The parts of the engine that the bus needs.
pub struct Parts {
    /// The time, and chance.
    pub env: Env,
    /// Writes the projections' changes, and records lapses.
    pub ledger: Ledger,
    /// Finds holds whose messages were lost.
    pub store: Store,
    /// Watches holds that a queue cannot.
    pub expiry: Arc<Expiry>,
    /// Counts.
    pub metrics: Arc<Metrics>,
    /// Records spans of consumers, in the traces of what caused them.
    pub traces: Traces,
}

/// The state of the bus of one instance.
pub(super) struct State {
    pub(super) settings: Settings,
    pub(super) env: Env,
    pub(super) ledger: Ledger,
    pub(super) store: Store,
    pub(super) expiry: Arc<Expiry>,
    pub(super) traces: Traces,
    pub(super) meters: BrokerMeters,
    pub(super) delay_queues: DelayQueues,
    pub(super) publishing: Link,
    pub(super) consuming: Link,
    pub(super) publisher: Mutex<Option<Publisher>>,
}

impl State {
    /// Nothing is connected yet.
    pub(super) fn new(settings: Settings, parts: Parts) -> Self {
        let Parts { env, ledger, store, expiry, metrics, traces } = parts;
        let queues = Queue::ALL.map(Queue::name);
        let targets =
            [Queue::Reservations.name(), Queue::Payments.name(), holds::METER, topology::EXCHANGE];
        let meters = metrics.broker(&targets, &queues);
        Self {
            settings,
            env,
            ledger,
            store,
            expiry,
            traces,
            meters,
            delay_queues: DelayQueues::default(),
            publishing: Link::new(Side::Publishing),
            consuming: Link::new(Side::Consuming),
            publisher: Mutex::default(),
        }
    }

    pub(super) const fn link(&self, side: Side) -> &Link {
        match side {
            Side::Publishing => &self.publishing,
            Side::Consuming => &self.consuming,
        }
    }
}
