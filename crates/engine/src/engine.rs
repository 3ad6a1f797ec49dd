//! The engine as a whole: its start, its parts while it runs, and its stop.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use metrics_exporter_prometheus::BuildError;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::bus::{Bus, rabbitmq};
use crate::env::Env;
use crate::env::clock::pause;
use crate::expiry::Expiry;
use crate::ledger::{self, Feed, Ledger, Reply, Request, Workers};
use crate::live::Stamps;
use crate::observe::metrics::Metrics;
use crate::observe::traces::Traces;
use crate::peers::Peers;
use crate::relay::{self, Delivery};
use crate::seat_lock::SeatLock;
use crate::store::sqlite::folder::Folder;
use crate::store::{self, Location, Opened, Store};
use crate::{metering, redis, retention};

/// How often timings are folded into the metrics.
const FOLD_EVERY: Duration = Duration::from_secs(5);

/// The settings and parts of an engine.
#[derive(Clone)]
pub struct Options {
    /// The options of the store.
    pub store: store::Options,
    /// The limits of the ledger.
    pub ledger: ledger::Settings,
    /// How many commits a follower of the feed may be behind.
    pub feed_commits: usize,
    /// How long a hold is.
    pub hold_ttl: Duration,
    /// The Redis of the seat lock, if there is one.
    pub redis: Option<redis::Settings>,
    /// The broker between instances, if there is one.
    pub rabbitmq: Option<rabbitmq::Settings>,
    /// Where spans go.
    pub traces: Traces,
    /// The meters.
    pub metrics: Arc<Metrics>,
}

impl Options {
    /// Options for a test or a benchmark: one small ledger, without other engines. Fails when the meters
    /// cannot be made.
    pub fn default_for_tests(hold_ttl: Duration) -> Result<Self, BuildError> {
        Ok(Self {
            store: store::Options { workers: 1, read_connections: 2, run_migrations: true },
            ledger: ledger::Settings { batch_max: 64, queue_depth: 512, patience: hold_ttl },
            feed_commits: ledger::FEED_COMMITS,
            hold_ttl,
            redis: None,
            rabbitmq: None,
            traces: Traces::off(),
            metrics: Arc::new(Metrics::new()?),
        })
    }
}

/// Why an engine cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The store cannot be opened.
    #[error(transparent)]
    Store(#[from] store::OpenError),
    /// The URL of Redis is invalid.
    #[error("the URL of Redis cannot be used: {0}")]
    Redis(::redis::RedisError),
    /// The system gave no thread or no timer.
    #[error("cannot start a worker: {0}")]
    Worker(#[from] std::io::Error),
    /// The meters cannot be made.
    #[error("cannot register the metrics: {0}")]
    Metrics(#[from] BuildError),
}

/// The parts of a running engine that callers reach. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    /// Time and ids.
    pub env: Env,
    /// Answers every query.
    pub store: Store,
    /// Makes every change.
    pub ledger: Ledger,
    /// The feed of commits.
    pub feed: Feed,
    /// The stamps of sessions; `None` over a server, which other instances write to.
    pub stamps: Option<Stamps>,
    /// The feed of other instances' commits, as far as they arrive here.
    pub peers: Peers,
    /// The holds that will lapse.
    pub expiry: Arc<Expiry>,
    /// Delivers events to the projections.
    pub bus: Bus,
    /// The seat lock, which refuses early.
    pub seat_lock: SeatLock,
    /// The meters.
    pub metrics: Arc<Metrics>,
    /// Where spans go.
    pub traces: Traces,
}

/// An engine that runs.
pub struct Running {
    /// The parts that callers reach.
    pub engine: Engine,
    /// Cancelled when the disk failed and the program must end.
    pub fatal: CancellationToken,
    background: TaskTracker,
    stop_background: CancellationToken,
    workers: Workers,
    // Last, so that the folder is unlocked, or deleted, when everything else is closed.
    _folder: Option<Folder>,
}

impl Engine {
    /// Asks for a change.
    pub fn submit(&self, request: Request) -> BoxFuture<'_, Reply> {
        Box::pin(self.seat_lock.submit(&self.ledger, request))
    }
}

impl Running {
    /// Opens the store and starts an engine over it.
    pub fn open(
        location: &Location,
        options: Options,
        env: Env,
    ) -> BoxFuture<'_, Result<Self, StartError>> {
        Box::pin(async move {
            let env = match location {
                Location::Server(_) => Env { clock: env.clock.corrected(), ..env },
                Location::Folder(_) | Location::Ephemeral => env,
            };
            let opened = Store::open(location, options.store, &env).await?;
            Self::start(opened, options, env)
        })
    }

    /// Starts an engine over a store that is open. To be called within a runtime.
    pub fn start(opened: Opened, options: Options, env: Env) -> Result<Self, StartError> {
        let Opened { store, writers, folder } = opened;
        let Options { metrics, traces, .. } = options;
        let (background, stop_background) = (TaskTracker::new(), CancellationToken::new());
        let (feed, fatal) = (Feed::holding(options.feed_commits), CancellationToken::new());
        let expiry = Arc::new(Expiry::new(env.clone()));
        let tasks = (&background, &stop_background);
        let (redis, hold) = (options.redis.as_ref(), options.hold_ttl);
        let stamps = (!store.is_shared()).then(Stamps::new);
        let seat_lock = SeatLock::start(redis, stamps.as_ref(), hold, &env, &metrics, &feed, tasks)
            .map_err(StartError::Redis)?;
        let parts = ledger::Parts {
            env: env.clone(),
            store: store.clone(),
            writers,
            metrics: Arc::clone(&metrics),
            feed: feed.clone(),
            stamps: stamps.clone(),
            fatal: fatal.clone(),
        };
        // All subscribe to the feed before anything can be committed.
        let relayed = feed.subscribe();
        let metered = feed.subscribe();
        // With a broker, delay queues bring the lapses.
        let expiring = options.rabbitmq.is_none().then(|| feed.subscribe());
        let peers = Peers::new();
        let (ledger, workers) = Ledger::start(parts, options.ledger)?;
        let bus = match options.rabbitmq {
            Some(settings) => {
                let parts = rabbitmq::Parts {
                    env: env.clone(),
                    ledger: ledger.clone(),
                    store: store.clone(),
                    expiry: Arc::clone(&expiry),
                    commits: feed.subscribe(),
                    peers: peers.clone(),
                    metrics: Arc::clone(&metrics),
                    traces: traces.clone(),
                };
                Bus::rabbitmq(settings, parts)
            }
            None => Bus::Local,
        };
        let engine = Engine {
            env,
            store,
            ledger,
            feed,
            stamps,
            peers,
            expiry,
            bus,
            seat_lock,
            metrics,
            traces,
        };
        let running = Self { engine, fatal, background, stop_background, workers, _folder: folder };
        running.start_background(relayed, metered, expiring);
        Ok(running)
    }

    fn start_background(
        &self,
        relayed: ledger::feed::Subscription,
        metered: ledger::feed::Subscription,
        expiring: Option<ledger::feed::Subscription>,
    ) {
        let Self { engine, background, stop_background: stop, .. } = self;
        let Engine { env, store, ledger, expiry, bus, metrics, traces, .. } = engine.clone();
        bus.start(background, stop);
        let delivery = Delivery {
            store: store.clone(),
            ledger: ledger.clone(),
            bus,
            expiry: Arc::clone(&expiry),
            traces,
            metrics: Arc::clone(&metrics),
            log: Arc::default(),
        };
        relay::start(delivery, relayed, background, stop);
        background.spawn(
            stop.clone().run_until_cancelled_owned(metering::run(Arc::clone(&metrics), metered)),
        );
        if let Some(commits) = expiring {
            let (store, metrics) = (store.clone(), Arc::clone(&metrics));
            background.spawn(Arc::clone(&expiry).follow(commits, store, metrics, stop.clone()));
        }
        background.spawn(stop.clone().run_until_cancelled_owned(store.clone().watch_hosts()));
        background.spawn(Arc::clone(&expiry).catch_up(store, stop.clone()));
        background.spawn(expiry.run(ledger.clone(), stop.clone()));
        background.spawn(retention::run(env.clock, ledger, stop.clone()));
        background.spawn({
            let stop = stop.clone();
            async move {
                while stop.run_until_cancelled(pause(FOLD_EVERY)).await.is_some() {
                    metrics.fold();
                }
            }
        });
    }

    /// Ends the background work, then the workers; what was committed but not yet delivered waits in
    /// the outbox for the next start.
    pub fn stop(self) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            self.stop_background.cancel();
            self.background.close();
            self.background.wait().await;
            self.engine.ledger.close();
            self.workers.join().await;
        })
    }
}
