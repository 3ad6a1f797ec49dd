//! SQLite, embedded: one writer, a few readers, and checkpoints off the writer's path.
//!
//! WAL with `synchronous=FULL`: a commit is on the disk before anyone is told of it. The [`Writer`]
//! belongs to the ledger's thread; [`Readers`] answer queries beside it; the data folder is locked
//! for as long as the store is open.

mod ask;
mod checkpoint;
mod chores;
pub mod folder;
mod load;
pub mod migrate;
mod read;
mod readers;
mod row;
mod save;

use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};
use std::time::Duration;

use checkpoint::Checkpointer;
use folder::{Identity, identity};
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};

pub use readers::Readers;

use crate::clock::Clock;
use crate::store::batch::{Changes, Loaded, Wanted};
use crate::store::migrations::Error as MigrationError;
use crate::store::{Chore, Error};

/// How long a statement waits for a lock that only the program itself can hold.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Prepared statements kept per connection.
const STATEMENTS: usize = 64;

/// Held for reading by whoever has a snapshot open, for writing by the writer when it truncates the
/// log: a log can only be truncated when nobody reads from it.
pub type Gate = Arc<RwLock<()>>;

/// The one connection that writes, with its checkpoints.
pub struct Writer {
    connection: Connection,
    checkpointer: Checkpointer,
    durability: Durability,
    clock: Clock,
    file: PathBuf,
    identity: Identity,
}

/// What a commit promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Durability {
    /// It is on the disk when it returns. For whatever somebody is told of.
    Synced,
    /// It is on the disk with the next synced commit: the log keeps their order, so a power cut can
    /// only take it together with what came after. For what would be done again from the outbox.
    Deferred,
}

impl Writer {
    /// Loads what `wanted` asks for, lets `decide` tell what becomes of it, saves that and the chores,
    /// and commits; all in one transaction. What changes nothing is rolled back. Says what `decide`
    /// did, and how many rows each chore touched.
    pub(in crate::store) fn transact<T>(
        &mut self,
        wanted: &Wanted<'_>,
        chores: &[Chore],
        decide: impl FnOnce(Loaded) -> Result<(Option<Changes>, T), Error>,
    ) -> Result<(T, Vec<usize>), Error> {
        // What only the relay and the consumers do need not wait for the disk, unless they say so:
        // until the next command's commit it could be done again.
        let synced = !wanted.commands.is_empty() || chores.iter().any(Chore::is_synced);
        let durability = if synced { Durability::Synced } else { Durability::Deferred };
        let clock = self.clock.clone();
        let tx = self.begin(durability)?;
        let facts = load::facts(&tx, wanted.commands.iter().copied())?;
        let now = clock.now();
        let answers = load::answers(&tx, wanted, &facts, now)?;
        let loaded = Loaded { facts, answers, now, unlocked: Vec::new() };
        let (changes, done) = decide(loaded)?;
        if let Some(changes) = &changes {
            save::changes(&tx, changes)?;
        }
        let touched = chores.iter().map(|chore| chores::run(&tx, chore));
        let touched = touched.collect::<Result<Vec<_>, _>>()?;
        if changes.is_some() || !chores.is_empty() {
            tx.commit()?;
        } else {
            tx.rollback()?;
        }
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

/// Opens the database file for writing and brings its schema up to date.
pub fn open(
    file: &Path,
    read_connections: usize,
    clock: &Clock,
) -> Result<(Writer, Readers), MigrationError> {
    let mut connection = connect(file)?;
    // First, so that nothing is written into a database that this program does not know.
    migrate::up(&mut connection)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    let gate = Gate::default();
    let readers = Readers::open(file, read_connections, Arc::clone(&gate), clock.clone())?;
    let checkpointer = Checkpointer::start(&mut connection, file, gate)?;
    let identity = identity(file).map_err(|error| MigrationError::Gone(error.to_string()))?;
    let (file, durability, clock) = (file.to_owned(), Durability::Synced, clock.clone());
    Ok((Writer { connection, checkpointer, durability, clock, file, identity }, readers))
}

/// A connection that may write, with the settings that durability rests on.
pub fn connect(file: &Path) -> Result<Connection, rusqlite::Error> {
    let connection = Connection::open(file)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    connection.pragma_update(None, "cache_size", -65_536)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(connection)
}

/// A connection that only reads.
pub fn connect_read_only(file: &Path) -> Result<Connection, rusqlite::Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "cache_size", -8_192)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    read::add_functions(&connection)?;
    Ok(connection)
}

/// Fails unless a statement changed exactly the rows it was meant to.
fn expect_rows(what: &str, expected: usize, changed: usize) -> Result<(), Error> {
    if changed == expected {
        Ok(())
    } else {
        Err(Error::Guard(format!("{what}: {changed} rows instead of {expected}")))
    }
}
