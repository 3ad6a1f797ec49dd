//! The one thing that a worker of the ledger writes with, whichever store there is.

use super::batch::{Changes, Loaded, Wanted};
use super::chore::Chore;
use super::{Error, postgres, sqlite};

/// A connection that writes. It belongs to one thread, which it may block.
#[expect(clippy::large_enum_variant, reason = "there is one for each worker, and no more")]
pub enum Writer {
    /// The one connection that writes to the file.
    Sqlite(sqlite::Writer),
    /// One of several to the server.
    Postgres(postgres::Writer),
}

impl Writer {
    /// Loads what `wanted` asks for, lets `decide` tell what becomes of it, saves that and the chores,
    /// and commits; all in one transaction. What changes nothing is rolled back. Says what `decide`
    /// did, and how many rows each chore touched.
    pub fn transact<T>(
        &mut self,
        wanted: &Wanted<'_>,
        chores: &[Chore],
        decide: impl FnOnce(Loaded) -> Result<(Option<Changes>, T), Error>,
    ) -> Result<(T, Vec<usize>), Error> {
        match self {
            Self::Sqlite(writer) => writer.transact(wanted, chores, decide),
            Self::Postgres(writer) => writer.transact(wanted, chores, decide),
        }
    }

    /// To be called after each commit, when everyone is answered: keeps SQLite's log short.
    pub fn after_commit(&mut self) -> Result<(), Error> {
        match self {
            Self::Sqlite(writer) => writer.after_commit(),
            Self::Postgres(_) => Ok(()),
        }
    }

    /// How often the store was waited for so far, over a network.
    pub fn round_trips(&self) -> u64 {
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
