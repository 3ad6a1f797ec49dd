//! A small pool of connections that only read.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;
use tokio::sync::Semaphore;

use super::connection::{Gate, connect_read_only};
use crate::env::clock::Clock;
use crate::env::{Env, Scheduling};
use crate::store::error::Error;

/// Read connections, each used by one query at a time, on threads where blocking is allowed.
#[derive(Clone)]
pub struct Readers {
    shared: Arc<Shared>,
    /// One connection to check whether the store answers, however busy the others are.
    pings: Arc<Shared>,
    /// The write-ahead log.
    log: Arc<Path>,
}

struct Shared {
    idle: Mutex<Vec<Connection>>,
    permits: Semaphore,
    /// Permits of [`Readers::scan`]; half the connections.
    scans: Arc<Semaphore>,
    gate: Gate,
    clock: Clock,
    scheduling: Scheduling,
}

impl Readers {
    /// Opens `count` connections to the file.
    pub(super) fn open(
        file: &Path,
        count: usize,
        gate: Gate,
        env: &Env,
    ) -> Result<Self, rusqlite::Error> {
        let shared = Shared::open(file, count, Arc::clone(&gate), env)?;
        let pings = Shared::open(file, 1, gate, env)?;
        let log =
            PathBuf::from([file.as_os_str(), "-wal".as_ref()].into_iter().collect::<OsString>());
        Ok(Self { shared: Arc::new(shared), pings: Arc::new(pings), log: log.into() })
    }

    /// The size of the write-ahead log, in bytes.
    pub(in crate::store) fn log_bytes(&self) -> u64 {
        std::fs::metadata(&self.log).map_or(0, |log| log.len())
    }

    /// Where the time comes from.
    pub(super) fn clock(&self) -> &Clock {
        &self.shared.clock
    }

    /// Runs `query` in one snapshot, when a connection is free.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Connection) -> Result<T, rusqlite::Error> + Send + 'static,
    ) -> Result<T, Error> {
        read_on(&self.shared, query).await
    }

    /// Like [`Readers::read`], on the connection that is kept to check whether the store answers.
    pub(super) async fn read_to_ping<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Connection) -> Result<T, rusqlite::Error> + Send + 'static,
    ) -> Result<T, Error> {
        read_on(&self.pings, query).await
    }

    /// Like [`Readers::read`], for a query that may look at a whole table: such queries never use
    /// more than half the connections at a time, and leave the others to those that are quick.
    pub(super) async fn scan<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Connection) -> Result<T, rusqlite::Error> + Send + 'static,
    ) -> Result<T, Error> {
        let turn = Arc::clone(&self.shared.scans).acquire_owned().await;
        let turn = turn.map_err(|_| Error::Unavailable("closed".to_owned()))?;
        self.read(move |db| {
            // It ends with the query, which goes on when its request is given up.
            let _turn = turn;
            query(db)
        })
        .await
    }
}

async fn read_on<T: Send + 'static>(
    shared: &Arc<Shared>,
    query: impl FnOnce(&Connection) -> Result<T, rusqlite::Error> + Send + 'static,
) -> Result<T, Error> {
    let closed = |what: &str| Error::Unavailable(what.to_owned());
    // The permit goes along, so that a request given up on keeps its connection until done.
    let permit = shared.permits.acquire().await.map_err(|_| closed("closed"))?;
    permit.forget();
    let shared = Arc::clone(shared);
    if shared.scheduling == Scheduling::SingleThread {
        return shared.run(query);
    }
    let done = tokio::task::spawn_blocking(move || shared.run(query)).await;
    done.map_err(|_| closed("a query did not end"))?
}

impl Shared {
    fn open(file: &Path, count: usize, gate: Gate, env: &Env) -> Result<Self, rusqlite::Error> {
        let idle = (0..count).map(|_| connect_read_only(file)).collect::<Result<Vec<_>, _>>()?;
        let scans = Arc::new(Semaphore::new(count.div_ceil(2)));
        let (clock, scheduling) = (env.clock.clone(), env.scheduling);
        let (idle, permits) = (Mutex::new(idle), Semaphore::new(count));
        Ok(Self { idle, permits, scans, gate, clock, scheduling })
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run<T>(
        &self,
        query: impl FnOnce(&Connection) -> Result<T, rusqlite::Error>,
    ) -> Result<T, Error> {
        let lent = Lent { shared: self, connection: self.idle().pop() };
        let connection = lent.connection.as_ref();
        let connection = connection.ok_or_else(|| Error::Unavailable("no reader".to_owned()))?;
        let _open = self.gate.read().unwrap_or_else(PoisonError::into_inner);
        let _snapshot = connection.unchecked_transaction()?;
        Ok(query(connection)?)
    }
}

/// A connection in use; it and its permit come back however the query ends.
struct Lent<'a> {
    shared: &'a Shared,
    connection: Option<Connection>,
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        self.shared.idle().extend(self.connection.take());
        self.shared.permits.add_permits(1);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use futures_util::poll;

    use super::super::connection::connect;
    use super::*;

    #[tokio::test]
    async fn long_queries_leave_connections_to_quick_ones() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("db");
        connect(&file).unwrap().execute_batch("CREATE TABLE t (x)").unwrap();
        let readers = Readers::open(&file, 2, Gate::default(), &Env::system()).unwrap();
        let (end, ended) = channel::<()>();
        let ended = Arc::new(Mutex::new(ended));
        let long = || {
            let ended = Arc::clone(&ended);
            readers.scan(move |_| {
                // Until the other end is dropped.
                let _ = ended.lock().unwrap().recv();
                Ok(())
            })
        };
        let (mut first, mut second) = (Box::pin(long()), Box::pin(long()));
        assert!(poll!(&mut first).is_pending());
        assert!(poll!(&mut second).is_pending());
        readers.read(|_| Ok(())).await.unwrap();
        drop(end);
        first.await.unwrap();
        second.await.unwrap();
    }
}
