//! State that the two sides of the bus share.

use std::sync::{Arc, MutexGuard, PoisonError};

use lapin::uri::AMQPUri;
use tokio::sync::Mutex;

use super::confirms::Publisher;
use super::holds::{self, DelayQueues};
use super::link::{Link, Side};
use super::numbers::{Numbered, Numbers};
use super::topology::{self, Queue};
use crate::env::Env;
use crate::expiry::Expiry;
use crate::ledger::Ledger;
use crate::ledger::feed::Subscription;
use crate::observe::broker_meters::BrokerMeters;
use crate::observe::metrics::Metrics;
use crate::observe::traces::Traces;
use crate::peers::Peers;
use crate::store::Store;
use crate::tls::Tls;

/// The broker's address, and what goes to it.
#[derive(Clone)]
pub struct Settings {
    /// Its address, and the login.
    pub uri: AMQPUri,
    /// The authorities that an `amqps:` connection trusts.
    pub tls: Tls,
    /// Which single events go to the exchange, for other programs.
    pub single_events: SingleEvents,
}

/// Which single events are published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SingleEvents {
    /// None.
    Off,
    /// Those of a kind that a queue is bound for. A binding is noticed within a second.
    WhileBound,
    /// All of them, whether or not anybody listens.
    Always,
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
    /// The commits of this instance, to be published to the others.
    pub commits: Subscription,
    /// Where what others commit goes.
    pub peers: Peers,
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
    /// Names this run of the instance to others.
    pub(super) run: String,
    pub(super) commits: Mutex<Numbered>,
    numbers: std::sync::Mutex<Numbers>,
    pub(super) peers: Peers,
}

impl State {
    /// Nothing is connected yet.
    pub(super) fn new(settings: Settings, parts: Parts) -> Self {
        let Parts { env, ledger, store, expiry, commits, peers, metrics, traces } = parts;
        let queues = Queue::ALL.map(Queue::name);
        let targets =
            [Queue::Reservations.name(), Queue::Payments.name(), holds::METER, topology::EXCHANGE];
        let meters = metrics.broker(&targets, &queues);
        Self {
            settings,
            run: env.ids.fresh().to_string(),
            commits: Mutex::new(Numbered::new(commits, metrics)),
            numbers: std::sync::Mutex::default(),
            peers,
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

    /// The numbers of other instances' messages.
    pub(super) fn numbers(&self) -> MutexGuard<'_, Numbers> {
        self.numbers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) const fn link(&self, side: Side) -> &Link {
        match side {
            Side::Publishing => &self.publishing,
            Side::Consuming => &self.consuming,
        }
    }
}
