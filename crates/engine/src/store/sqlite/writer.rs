//! The one connection that writes.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::checkpoint::Checkpointer;
use super::connection::{Gate, connect};
use super::folder::{Identity, identity};
use super::hot::Hot;
use super::readers::Readers;
use super::{background, load, migrate, save};
use crate::env::clock::Clock;
use crate::env::{Env, Scheduling};
use crate::failpoint;
use crate::store::background::BackgroundWrite;
use crate::store::batch::{BatchReads, BatchWrites, Loaded};
use crate::store::error::Error;
use crate::store::migrations::Error as MigrationError;

/// The one connection that writes, with its checkpoints.
pub struct Writer {
    connection: Connection,
    checkpointer: Checkpointer,
    durability: Durability,
    /// Taken for each transaction, and put back when it ended well.
    hot: Hot,
    clock: Clock,
    file: PathBuf,
    identity: Identity,
}

/// The durability of a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Durability {
    /// It is on the disk when it returns: for commits that are acknowledged.
    Synced,
    /// It is on the disk with the next synced commit: the log keeps their order, so a power cut can
    /// only take it together with what came after. For what would be done again from the outbox.
    Deferred,
}

impl Writer {
    /// See [`crate::store::writer::Writer::transact`].
    pub(in crate::store) fn transact<T>(
        &mut self,
        reads: &BatchReads<'_>,
        background: &[BackgroundWrite],
        decide: impl FnOnce(Loaded) -> Result<(Option<BatchWrites>, T), Error>,
    ) -> Result<(T, Vec<usize>), Error> {
        // Writes of the relay and the consumers alone need not wait for the disk, unless they ask for it:
        // until the next command's commit it could be done again.
        let synced =
            !reads.commands.is_empty() || background.iter().any(BackgroundWrite::is_synced);
        let durability = if synced { Durability::Synced } else { Durability::Deferred };
        let (clock, mut hot) = (self.clock.clone(), std::mem::take(&mut self.hot));
        let tx = self.begin(durability)?;
        hot.check(data_version(&tx)?);
        let facts = load::facts(&tx, &hot, &reads.rows)?;
        let now = clock.now();
        let answers = load::answers(&tx, &reads.keys, &facts, now)?;
        let (writes, done) = decide(Loaded { facts, answers, now, deferred: Vec::new() })?;
        if let Some(writes) = &writes {
            save::batch(&tx, writes)?;
        }
        let touched = background.iter().map(|write| background::run(&tx, write));
        let touched = touched.collect::<Result<Vec<_>, _>>()?;
        if writes.is_some() || !background.is_empty() {
            if synced {
                failpoint::before_durable_commit();
            }
            tx.commit()?;
        } else {
            tx.rollback()?;
        }
        if background.iter().any(BackgroundWrite::removes_reservations) {
            hot.forget();
        }
        if let Some(writes) = writes {
            hot.keep(writes.after);
        }
        self.hot = hot;
        Ok((done, touched))
    }

    /// Begins a transaction that nobody else writes beside.
    ///
    /// Fails when the database file is not where it was: what is written into a file that was
    /// deleted would be gone at the next start, whatever was acknowledged.
    fn begin(&mut self, durability: Durability) -> Result<Transaction<'_>, Error> {
        if !identity(&self.file).is_ok_and(|now| now == self.identity) {
            let file = self.file.display();
            return Err(Error::Disk(format!("{file} was moved or deleted while in use")));
        }
        if self.durability != durability {
            let mode = match durability {
                Durability::Synced => "FULL",
                Durability::Deferred => "NORMAL",
            };
            self.connection.pragma_update(None, "synchronous", mode)?;
            self.durability = durability;
        }
        Ok(self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?)
    }

    /// To be called after each commit: keeps the log short. Most times it compares two numbers.
    pub(in crate::store) fn after_commit(&mut self) -> Result<(), Error> {
        self.checkpointer.after_commit(&self.connection)
    }

    /// Folds the log into the database.
    pub(in crate::store) fn close(self) -> Result<(), Error> {
        self.checkpointer.close(&self.connection)
    }
}

/// SQLite's counter of the commits of other connections. It is read within a transaction, whose snapshot it
/// tells about.
fn data_version(tx: &Transaction<'_>) -> rusqlite::Result<i64> {
    tx.prepare_cached("PRAGMA data_version")?.query_row((), |row| row.get(0))
}

/// Opens the database file for writing and brings its schema up to date.
pub(super) fn open(
    file: &Path,
    read_connections: usize,
    env: &Env,
) -> Result<(Writer, Readers), MigrationError> {
    let mut connection = connect(file)?;
    // First, so that nothing is written into a database that this program does not know.
    migrate::up(&mut connection, &env.clock)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    let gate = Gate::default();
    let readers = Readers::open(file, read_connections, Arc::clone(&gate), env)?;
    let on_a_thread = env.scheduling == Scheduling::Threads;
    let checkpointer = Checkpointer::start(&mut connection, file, gate, on_a_thread)?;
    let identity = identity(file).map_err(|error| MigrationError::Gone(error.to_string()))?;
    let (file, durability, clock) = (file.to_owned(), Durability::Synced, env.clock.clone());
    let hot = Hot::default();
    Ok((Writer { connection, checkpointer, durability, hot, clock, file, identity }, readers))
}
