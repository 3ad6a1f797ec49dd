//! Connections that are shared: some for queries, some for background writes.

use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::{
    ClientWrapper, Connect, Hook, HookError, Manager, ManagerConfig, Object, PoolError,
    RecyclingMethod, Runtime,
};
use futures_util::future::BoxFuture;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};
use tokio_postgres::Client;

use super::kept::{Durability, LIMITS, PLANNED_ONCE, Settings};
use super::target::Target;
use super::{background, fault, kept, primaries};
use crate::env::clock::Clock;
use crate::store::background::BackgroundWrite;
use crate::store::error::Error;

/// How long to wait for a connection that is in use.
const WAIT: Duration = Duration::from_secs(2);
/// How long a query may take, the wait for a connection included; more than the server's own limit.
const QUERY_TIMEOUT: Duration = Duration::from_secs(8);
/// How long the server has to answer a ping: less than its caller waits.
const PING_TIMEOUT: Duration = Duration::from_millis(900);
/// How many connections serve the relay, the projections and the retention.
pub const BACKGROUND_CONNECTIONS: usize = 6;
/// How many connections are kept to check whether the server answers.
pub const PING_CONNECTIONS: usize = 1;

/// Connections for queries.
#[derive(Clone)]
pub struct Readers {
    pool: deadpool_postgres::Pool,
    /// One connection to check whether the server answers, however busy the others are.
    pings: deadpool_postgres::Pool,
    /// Permits of queries that may look at a whole table; half the connections.
    scans: Arc<Semaphore>,
    pub(super) clock: Clock,
    pub(in crate::store) target: Target,
}

/// Connections for background writes.
#[derive(Clone)]
pub struct Pool {
    pool: deadpool_postgres::Pool,
}

impl Readers {
    pub(super) fn new(target: &Target, count: usize, clock: Clock) -> Self {
        let scans = Arc::new(Semaphore::new(count.div_ceil(2)));
        let pool = |count| pool(target, count, Durability::Synced, &[]);
        let (pings, target) = (pool(PING_CONNECTIONS), target.clone());
        Self { pool: pool(count), pings, scans, clock, target }
    }

    /// Runs a query with a time limit; refuses it while the server is silent.
    pub(in crate::store) async fn in_time<T>(
        &self,
        query: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let leave = self.target.state.silence.leave()?;
        if let Ok(answer) = timeout(QUERY_TIMEOUT, query).await {
            // A failure may be that no connection was free.
            return answer.inspect(|_| leave.answered());
        }
        leave.not_answered();
        Err(Error::Unavailable("no answer in time".to_owned()))
    }

    /// Watches the server's hosts, for as long as it is polled.
    pub fn watch_hosts(&self) -> impl Future<Output = ()> + Send + use<> {
        primaries::watch(self.target.clone())
    }

    /// Runs a query on the connection that is kept for pings. One that is not answered in time ends its
    /// connection: the next ping would only wait behind it.
    pub(super) async fn ping_by(
        &self,
        query: impl AsyncFnOnce(&Object) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let connection = connection(&self.pings).await?;
        if let Ok(answer) = timeout(PING_TIMEOUT, query(&connection)).await {
            return answer;
        }
        drop(Object::take(connection));
        Err(Error::Unavailable("no answer in time".to_owned()))
    }

    /// A connection, when one is free.
    pub(super) async fn connection(&self) -> Result<Object, Error> {
        connection(&self.pool).await
    }

    /// Waits until a query may look at a whole table.
    pub(super) async fn scan_permit(&self) -> Result<impl Drop + use<>, Error> {
        let permit = Arc::clone(&self.scans).acquire_owned().await;
        permit.map_err(|_| Error::Unavailable("closed".to_owned()))
    }
}

impl Pool {
    pub(super) fn new(target: &Target) -> Self {
        // Writes of the relay and the projections need not wait for the disk, unless they ask for
        // it: a crash undoes them together with all that came after, and the outbox brings them
        // again.
        let durability = Durability::Deferred;
        Self { pool: pool(target, BACKGROUND_CONNECTIONS, durability, PLANNED_ONCE) }
    }

    /// Runs a write; gives the number of rows of its subject that it touched.
    pub async fn run(&self, write: &BackgroundWrite) -> Result<usize, Error> {
        let mut connection = self.connection().await?;
        let done = background::run(&mut connection, write).await;
        if done.is_err() {
            // Its state is unknown, so it is not used again.
            drop(Object::take(connection));
        }
        done
    }

    pub(super) async fn connection(&self) -> Result<Object, Error> {
        connection(&self.pool).await
    }
}

async fn connection(pool: &deadpool_postgres::Pool) -> Result<Object, Error> {
    pool.get().await.map_err(|error| match error {
        PoolError::Backend(error) => Error::Unavailable(fault::words(&error)),
        other => Error::Unavailable(other.to_string()),
    })
}

/// Connects as the target does.
struct ToHosts(Target);

impl Connect for ToHosts {
    fn connect(
        &self,
        _: &tokio_postgres::Config,
    ) -> BoxFuture<'_, Result<(Client, JoinHandle<()>), tokio_postgres::Error>> {
        self.0.open()
    }
}

fn pool(
    target: &Target,
    size: usize,
    durability: Durability,
    planned: Settings,
) -> deadpool_postgres::Pool {
    let how = ManagerConfig { recycling_method: RecyclingMethod::Fast };
    // The pool's own connection settings are not used: the target has them.
    let manager =
        Manager::from_connect(tokio_postgres::Config::new(), ToHosts(target.clone()), how);
    let timeline = target.state.timeline.clone();
    let keep = Hook::async_fn(move |client: &mut ClientWrapper, _| {
        let timeline = timeline.clone();
        Box::pin(async move {
            let settings = LIMITS.iter().chain(planned).copied();
            let kept = kept::keep(client, settings, durability, &timeline).await;
            kept.map_err(|error| HookError::message(error.to_string()))
        })
    });
    let silence = target.state.silence.clone();
    let renew = Hook::sync_fn(move |_: &mut ClientWrapper, metrics| {
        let outdated = silence.outdates(Instant::from_std(metrics.created));
        if outdated { Err(HookError::message("opened before a silence")) } else { Ok(()) }
    });
    let pool = deadpool_postgres::Pool::builder(manager)
        .post_create(keep)
        .pre_recycle(renew)
        .max_size(size)
        .runtime(Runtime::Tokio1)
        .wait_timeout(Some(WAIT))
        .create_timeout(Some(target.connect_timeout()))
        .recycle_timeout(Some(WAIT));
    pool.build().expect("a runtime is set, which is all that it needs")
}
