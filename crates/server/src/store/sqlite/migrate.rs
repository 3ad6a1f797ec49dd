//! Forward-only migrations, each applied once, in its own transaction, and never edited after.
//!
//! A checksum of every migration is kept beside its number: a database that was migrated by other
//! text than this program's, or by a newer program, is refused before anything is read from it.

use rusqlite::{Connection, TransactionBehavior};
use sha2::{Digest, Sha256};

use crate::clock::Clock;

/// One step of the schema.
#[derive(Clone, Copy, Debug)]
pub struct Migration {
    /// Its number, from 1, without gaps.
    pub version: i64,
    /// Its folder's name after the number.
    pub name: &'static str,
    /// What it runs.
    pub sql: &'static str,
}

/// Every migration of this program, in order.
pub const MIGRATIONS: &[Migration] = &[Migration {
    version: 1,
    name: "box_office",
    sql: include_str!("../../../migrations/0001_box_office/sqlite.sql"),
}];

/// Why a database cannot be used by this program.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database was migrated by a later version of the program.
    #[error(
        "the database has schema {found}, this program knows up to {known}: it was used by a newer \
         poltrona; run that version, or restore a copy of the data folder from before the upgrade"
    )]
    Newer {
        /// The database's schema.
        found: i64,
        /// The newest that this program has.
        known: i64,
    },
    /// A migration was applied with another text.
    #[error(
        "migration {version} ({name}) was applied with another text than this program's: \
         the database was migrated by a modified build; use that build, or restore a copy"
    )]
    Checksum {
        /// Which migration.
        version: i64,
        /// Its name.
        name: &'static str,
    },
    /// The database file went away while it was opened.
    #[error("the database file went away: {0}")]
    Gone(String),
    /// The database refused.
    #[error("database: {0}")]
    Database(#[from] rusqlite::Error),
}

/// A migration and whether it was applied.
#[derive(Debug, PartialEq, Eq)]
pub struct Status {
    /// Its number.
    pub version: i64,
    /// Its name.
    pub name: &'static str,
    /// Whether the database has it.
    pub applied: bool,
}

/// Applies what is missing; says which migrations those were.
pub fn up(connection: &mut Connection) -> Result<Vec<Migration>, Error> {
    apply(connection, MIGRATIONS)
}

/// Which migrations the database has. Changes nothing.
pub fn status(connection: &Connection) -> Result<Vec<Status>, Error> {
    Ok(statuses(check(connection, MIGRATIONS)?))
}

/// What [`status`] would say of a database that does not exist yet.
pub fn none_applied() -> Vec<Status> {
    statuses(0)
}

fn statuses(newest: i64) -> Vec<Status> {
    let status = |step: &Migration| Status {
        version: step.version,
        name: step.name,
        applied: step.version <= newest,
    };
    MIGRATIONS.iter().map(status).collect()
}

fn apply(connection: &mut Connection, steps: &[Migration]) -> Result<Vec<Migration>, Error> {
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    tx.execute_batch(
        "CREATE TABLE IF NOT EXISTS schema_migrations (
            version    INTEGER PRIMARY KEY,
            name       TEXT NOT NULL,
            checksum   BLOB NOT NULL,
            applied_at INTEGER NOT NULL
        ) STRICT",
    )?;
    let applied = check(&tx, steps)?;
    let missing: Vec<_> = steps.iter().filter(|step| step.version > applied).copied().collect();
    for step in &missing {
        tx.execute_batch(step.sql)?;
        tx.execute(
            "INSERT INTO schema_migrations (version, name, checksum, applied_at) VALUES (?, ?, ?, ?)",
            (step.version, step.name, checksum(step.sql), Clock::System.now().as_millis()),
        )?;
    }
    tx.commit()?;
    Ok(missing)
}

/// The newest migration that the database has, 0 for none; fails unless all of them are ours.
fn check(connection: &Connection, steps: &[Migration]) -> Result<i64, Error> {
    let exists: bool = connection.query_row(
        "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'schema_migrations')",
        (),
        |row| row.get(0),
    )?;
    if !exists {
        return Ok(0);
    }
    let mut statement =
        connection.prepare("SELECT version, checksum FROM schema_migrations ORDER BY version")?;
    let applied = statement
        .query_map((), |row| Ok((row.get::<_, i64>(0)?, row.get::<_, [u8; 32]>(1)?)))?
        .collect::<Result<Vec<_>, _>>()?;
    let found = applied.last().map_or(0, |(version, _)| *version);
    let known = steps.last().map_or(0, |step| step.version);
    if found > known {
        return Err(Error::Newer { found, known });
    }
    for (version, stored) in &applied {
        if let Some(step) = steps.iter().find(|step| step.version == *version)
            && *stored != checksum(step.sql)
        {
            return Err(Error::Checksum { version: *version, name: step.name });
        }
    }
    Ok(found)
}

fn checksum(sql: &str) -> [u8; 32] {
    Sha256::digest(sql).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: Migration = Migration { version: 1, name: "first", sql: "CREATE TABLE a (x)" };
    const SECOND: Migration = Migration { version: 2, name: "second", sql: "CREATE TABLE b (x)" };

    #[test]
    fn each_migration_runs_once_and_in_order() {
        let mut db = Connection::open_in_memory().unwrap();
        assert_eq!(apply(&mut db, &[FIRST]).unwrap().len(), 1);
        assert_eq!(apply(&mut db, &[FIRST, SECOND]).unwrap().len(), 1);
        assert_eq!(apply(&mut db, &[FIRST, SECOND]).unwrap().len(), 0);
        db.execute_batch("SELECT x FROM a; SELECT x FROM b").unwrap();
    }

    #[test]
    fn a_newer_schema_is_refused() {
        let mut db = Connection::open_in_memory().unwrap();
        apply(&mut db, &[FIRST, SECOND]).unwrap();
        let error = apply(&mut db, &[FIRST]).unwrap_err();
        assert!(matches!(error, Error::Newer { found: 2, known: 1 }), "{error}");
    }

    #[test]
    fn an_edited_migration_is_refused() {
        let mut db = Connection::open_in_memory().unwrap();
        apply(&mut db, &[FIRST]).unwrap();
        let edited = Migration { sql: "CREATE TABLE a (x, y)", ..FIRST };
        let error = apply(&mut db, &[edited]).unwrap_err();
        assert!(matches!(error, Error::Checksum { version: 1, .. }), "{error}");
    }

    #[test]
    fn a_migration_that_fails_leaves_nothing_behind() {
        let mut db = Connection::open_in_memory().unwrap();
        let broken = Migration { sql: "CREATE TABLE b (x); CREATE TABLE a (x)", ..SECOND };
        apply(&mut db, &[FIRST]).unwrap();
        assert!(apply(&mut db, &[FIRST, broken]).is_err());
        assert_eq!(apply(&mut db, &[FIRST, SECOND]).unwrap().len(), 1);
    }
}
