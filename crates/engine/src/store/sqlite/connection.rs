//! Connections to the database file.

use std::path::Path;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::read;

/// How long a statement waits for a lock that only the program itself can hold.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Prepared statements kept per connection.
const STATEMENTS: usize = 64;

/// Held for reading by whoever has a snapshot open, for writing by the writer when it truncates the
/// log: a log can only be truncated when nobody reads from it.
pub(super) type Gate = Arc<RwLock<()>>;

/// A connection that may write, with the settings that durability rests on.
pub fn connect(file: &Path) -> Result<Connection, rusqlite::Error> {
    let connection = Connection::open(file)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    connection.pragma_update(None, "cache_size", -65_536)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    read::add_functions(&connection)?;
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
