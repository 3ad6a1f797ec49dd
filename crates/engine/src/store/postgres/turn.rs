//! Whose turn it is to look after what all instances share.

use deadpool_postgres::Object;

use super::Pool;
use crate::store::Error;

/// The advisory lock of whoever sweeps the outbox. A number of this program's own.
const SWEEP: i64 = 0x706f_6c74_0001;

/// The turn of this instance, until it is ended or dropped.
pub struct Turn {
    connection: Option<Object>,
}

impl Pool {
    /// Takes the turn, unless another instance has it.
    pub async fn try_turn(&self) -> Result<Option<Turn>, Error> {
        let connection = self.connection().await?;
        let taken = connection.query_one("SELECT pg_try_advisory_lock($1)", &[&SWEEP]).await?;
        let turn = || Turn { connection: Some(connection) };
        Ok(taken.try_get::<_, bool>(0)?.then(turn))
    }
}

impl Turn {
    /// Ends the turn in good order.
    pub async fn end(mut self) {
        if let Some(connection) = self.connection.take()
            && connection.execute("SELECT pg_advisory_unlock($1)", &[&SWEEP]).await.is_err()
        {
            drop(Object::take(connection));
        }
    }
}

impl Drop for Turn {
    /// Closes the connection, which ends the turn too.
    fn drop(&mut self) {
        self.connection.take().map(Object::take);
    }
}
