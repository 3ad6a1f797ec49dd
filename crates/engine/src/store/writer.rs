//! The writer that a worker of the ledger has.

use super::background::BackgroundWrite;
use super::batch::{BatchReads, BatchWrites, Loaded};
use super::error::Error;
use super::{postgres, sqlite};

/// A connection that writes. It belongs to one worker. SQLite's blocks the thread that it is used on.
pub enum Writer {
    /// The one connection that writes to the file.
    Sqlite(sqlite::Writer),
    /// One of several to the server.
    Postgres(postgres::Writer),
}

impl Writer {
    /// Locks and loads what a batch reads, lets `decide` turn it into writes, saves these and the
    /// `background` writes, and commits; all in one transaction. A batch without changes is rolled
    /// back. Gives what `decide` gave, and the number of rows that each background write touched.
    ///
    /// To PostgreSQL background writes have connections of their own; none come this way.
    pub async fn transact<T>(
        &mut self,
        reads: &BatchReads<'_>,
        background: &[BackgroundWrite],
        decide: impl FnOnce(Loaded) -> Result<(Option<BatchWrites>, T), Error>,
    ) -> Result<(T, Vec<usize>), Error> {
        match self {
            Self::Sqlite(writer) => writer.transact(reads, background, decide),
            Self::Postgres(writer) => Ok((writer.transact(reads, decide).await?, Vec::new())),
        }
    }

    /// To be called after each commit, after the answers: keeps SQLite's log short.
    pub fn after_commit(&mut self) -> Result<(), Error> {
        match self {
            Self::Sqlite(writer) => writer.after_commit(),
            Self::Postgres(_) => Ok(()),
        }
    }

    /// How many round trips to the store there were so far.
    pub const fn round_trips(&self) -> u64 {
        match self {
            Self::Sqlite(_) => 0,
            Self::Postgres(writer) => writer.round_trips(),
        }
    }

    /// Ends in good order.
    pub fn close(self) -> Result<(), Error> {
        match self {
            Self::Sqlite(writer) => writer.close(),
            Self::Postgres(_) => Ok(()),
        }
    }
}
