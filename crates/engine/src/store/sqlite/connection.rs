//! Connections to the database file.

use std::path::Path;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::read;

/// How long a statement waits for a lock that only the program itself can hold.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// The size of the writer's page cache, in KiB. A larger one costs CPU: after pages of a B-tree were renumbered, the
/// commit scans the whole cache (`pcache1TruncateUnsafe`), 2.9 % of the CPU with 16 MiB and 0.8 % with 4. Other pages come from the operating system's cache.
const CACHE_KIB: i32 = 8_192;
/// Prepared statements kept per connection.
const STATEMENTS: usize = 64;

/// Held for reading while a snapshot is open, for writing while the writer truncates the log: a log
/// can only be truncated when nobody reads from it.
pub(super) type Gate = Arc<RwLock<()>>;

/// A connection that may write, with the settings that durability rests on.
pub fn connect(file: &Path) -> Result<Connection, rusqlite::Error> {
    let connection = Connection::open(file)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    prepare_once(&connection)?;
    read::add_functions(&connection)?;
    #[cfg(test)]
    let connection = super::traced::traced(connection)?;
    Ok(connection)
}

/// A connection that only reads.
pub fn connect_read_only(file: &Path) -> Result<Connection, rusqlite::Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "cache_size", -8_192)?;
    prepare_once(&connection)?;
    read::add_functions(&connection)?;
    #[cfg(test)]
    let connection = super::traced::traced(connection)?;
    Ok(connection)
}

/// Keeps prepared statements, and their plans whatever values they are given: otherwise SQLite prepares a
/// statement anew whenever its LIMIT is given (<https://www.sqlite.org/queryplanner-ng.html#qpsg>).
fn prepare_once(connection: &Connection) -> Result<(), rusqlite::Error> {
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map(|_| ())
}

#[cfg(test)]
mod tests {
    use rusqlite::StatementStatus;

    use super::*;

    #[test]
    fn a_statement_is_prepared_once_whatever_its_limit() {
        let folder = tempfile::tempdir().unwrap();
        let connection = connect(&folder.path().join("db")).unwrap();
        connection.execute_batch("CREATE TABLE t (x INTEGER PRIMARY KEY)").unwrap();
        let mut statement = connection.prepare("SELECT x FROM t ORDER BY x LIMIT ?").unwrap();
        for limit in 1..4 {
            assert!(!statement.exists([limit]).unwrap());
        }
        assert_eq!(statement.get_status(StatementStatus::RePrepare), 0);
    }

    /// A commit that returns before the log is on the disk can be taken back by a power cut, which no
    /// `kill -9` shows.
    #[test]
    fn a_commit_waits_for_the_disk() {
        const FULL: i64 = 2;
        let folder = tempfile::tempdir().unwrap();
        let connection = connect(&folder.path().join("db")).unwrap();
        let pragma = |name: &str| {
            connection.query_row(&format!("PRAGMA {name}"), (), |row| row.get::<_, i64>(0)).unwrap()
        };
        assert_eq!((pragma("synchronous"), pragma("wal_autocheckpoint")), (FULL, 0));
    }
}
