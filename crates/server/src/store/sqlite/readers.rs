//! A small pool of connections that only read.

use std::path::Path;
use std::sync::Arc;
use std::sync::{Mutex, PoisonError};

use rusqlite::Connection;
use tokio::sync::Semaphore;

use super::{Gate, connect_read_only};
use crate::store::Error;

/// Read connections, each used by one query at a time, on threads where blocking is allowed.
#[derive(Clone)]
pub struct Readers {
    shared: Arc<Shared>,
}

struct Shared {
    idle: Mutex<Vec<Connection>>,
    permits: Semaphore,
    gate: Gate,
}

impl Readers {
    /// Opens `count` connections to the file.
    pub(super) fn open(file: &Path, count: usize, gate: Gate) -> Result<Self, rusqlite::Error> {
        let idle = (0..count).map(|_| connect_read_only(file)).collect::<Result<Vec<_>, _>>()?;
        let shared = Shared { idle: Mutex::new(idle), permits: Semaphore::new(count), gate };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Runs `query` in one snapshot, when a connection is free.
    pub async fn read<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Connection) -> Result<T, rusqlite::Error> + Send + 'static,
    ) -> Result<T, Error> {
        let closed = |what: &str| Error::Unavailable(what.to_owned());
        let shared = Arc::clone(&self.shared);
        // The permit goes along, so that a request given up on keeps its connection until done.
        let permit = self.shared.permits.acquire().await.map_err(|_| closed("closed"))?;
        permit.forget();
        let done = tokio::task::spawn_blocking(move || shared.run(query)).await;
        done.map_err(|_| closed("a query did not end"))?
    }
}

impl Shared {
    fn run<T>(
        &self,
        query: impl FnOnce(&Connection) -> Result<T, rusqlite::Error>,
    ) -> Result<T, Error> {
        let _return = Return(self);
        let connection = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = connection.ok_or_else(|| Error::Unavailable("no reader".to_owned()))?;
        let _open = self.gate.read().unwrap_or_else(PoisonError::into_inner);
        let answer = connection.unchecked_transaction().and_then(|_snapshot| query(&connection));
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        Ok(answer?)
    }
}

/// Gives the permit back, however the query ends.
struct Return<'a>(&'a Shared);

impl Drop for Return<'_> {
    fn drop(&mut self) {
        self.0.permits.add_permits(1);
    }
}
