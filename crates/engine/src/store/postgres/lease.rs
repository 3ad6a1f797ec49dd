//! The lease under which one instance at a time sweeps what all of them share.

use deadpool_postgres::Object;

use super::pool::Pool;
use crate::store::error::Error;

/// The advisory lock for sweeping the outbox. A number of this program's own.
const SWEEP: i64 = 0x706f_6c74_0001;

/// The lease of this instance, until it is ended or dropped.
pub struct SweepLease {
    connection: Option<Object>,
}

impl Pool {
    /// Takes the lease, unless another instance has it.
    pub async fn try_lease(&self) -> Result<Option<SweepLease>, Error> {
        let connection = self.connection().await?;
        let taken = connection.query_one("SELECT pg_try_advisory_lock($1)", &[&SWEEP]).await?;
        let lease = || SweepLease { connection: Some(connection) };
        Ok(taken.try_get::<_, bool>(0)?.then(lease))
    }
}

impl SweepLease {
    /// Ends the lease in good order.
    pub async fn end(mut self) {
        if let Some(connection) = self.connection.take()
            && connection.execute("SELECT pg_advisory_unlock($1)", &[&SWEEP]).await.is_err()
        {
            drop(Object::take(connection));
        }
    }
}

impl Drop for SweepLease {
    /// Closes the connection, which ends the lease too.
    fn drop(&mut self) {
        self.connection.take().map(Object::take);
    }
}
