//! The steps of the schema, the same for both stores, and the checks of a database before its use.
//!
//! Each is a folder with one file a store; they go forward only and are never edited once released. A
//! checksum of every migration is kept beside its number: a database that was migrated by other text
//! than this program's, or by a newer program, is refused before anything is read from it.

use sha2::{Digest, Sha256};

/// One step of the schema. It alters one table: with two in one transaction it would lock one and
/// wait for batches that wait for that lock, each time anew.
#[derive(Clone, Copy, Debug)]
pub struct Migration {
    /// Its number, from 1, without gaps.
    pub version: i64,
    /// Its folder's name after the number.
    pub name: &'static str,
    /// The oldest schema whose program can go on using the database once this is applied. A migration
    /// that only adds (expands) leaves it as it was; one that takes away (contracts) raises it to the
    /// schema that stopped using what is gone.
    pub oldest: i64,
    /// The statements for SQLite.
    pub sqlite: &'static str,
    /// The statements for PostgreSQL.
    pub postgres: &'static str,
}

macro_rules! migration {
    ($version:literal, $folder:literal, $name:literal, oldest: $oldest:literal) => {
        Migration {
            version: $version,
            name: $name,
            oldest: $oldest,
            sqlite: include_str!(concat!("../../migrations/", $folder, "/sqlite.sql")),
            postgres: include_str!(concat!("../../migrations/", $folder, "/postgres.sql")),
        }
    };
}

/// Every migration of this program, in order.
pub const MIGRATIONS: &[Migration] = &[
    migration!(1, "0001_box_office", "box_office", oldest: 1),
    migration!(2, "0002_inbox_by_age", "inbox_by_age", oldest: 1),
    migration!(3, "0003_session_versions", "session_versions", oldest: 1),
    migration!(4, "0004_held_as", "held_as", oldest: 1),
    migration!(5, "0005_session_names", "session_names", oldest: 1),
    migration!(6, "0006_cheap_checks", "cheap_checks", oldest: 1),
    migration!(7, "0007_answers_in_order", "answers_in_order", oldest: 1),
];

/// The query for the sessions that use a database's tables. Every role may run it.
pub const WHO_USES_TABLES: &str = "SELECT l.pid, a.usename, l.relation::regclass, l.mode \
    FROM pg_locks l LEFT JOIN pg_stat_activity a USING (pid) \
    WHERE l.granted AND l.relation > 16383 AND l.database = \
    (SELECT oid FROM pg_database WHERE datname = current_database())";

/// Why a database cannot be used by this program.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database was migrated by a later version of the program, in a way that this one does not
    /// understand.
    #[error(
        "the database has schema {found}, this program knows up to {known}: it was used by a newer \
         poltrona; run that version, or restore a copy of the data from before the upgrade"
    )]
    Newer {
        /// The database's schema.
        found: i64,
        /// The newest that this program has.
        known: i64,
    },
    /// The database lacks migrations, and the options do not allow applying them.
    #[error(
        "the database has schema {found}, this program needs {needed}: run `poltrona migrate up`, or \
         start with --run-migrations"
    )]
    Missing {
        /// The database's schema.
        found: i64,
        /// The newest that this program has.
        needed: i64,
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
    /// A migration is not recorded, although a later one is.
    #[error(
        "the database has schema {found}, but no record of migration {version} ({name}): somebody \
         changed the table schema_migrations; restore it from a copy of the database"
    )]
    Gap {
        /// Which migration.
        version: i64,
        /// Its name.
        name: &'static str,
        /// The database's schema.
        found: i64,
    },
    /// A table that a migration alters was in use all the time.
    #[error(
        "migration {version} ({name}) did not get its table to itself: end what uses it, and start \
         again. In psql, who that is: {WHO_USES_TABLES}"
    )]
    InUse {
        /// Which migration.
        version: i64,
        /// Its name.
        name: &'static str,
    },
    /// Another session migrates, and does not end.
    #[error(
        "another session has been migrating this database for a quarter of an hour: look at its log, \
         or end it. In psql, who that is: SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND \
         objid = 1819541506 AND granted"
    )]
    NoTurn,
    /// The database file went away while it was opened.
    #[error("the database file went away: {0}")]
    Gone(String),
    /// SQLite refused.
    #[error("database: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// PostgreSQL refused.
    #[error("database: {0}")]
    Postgres(String),
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

/// Every migration, and whether a database whose newest one is `newest` has it.
pub fn statuses(newest: i64) -> Vec<Status> {
    let status = |step: &Migration| Status {
        version: step.version,
        name: step.name,
        applied: step.version <= newest,
    };
    MIGRATIONS.iter().map(status).collect()
}

/// A migration that a database has.
pub(super) struct Applied {
    pub(super) version: i64,
    pub(super) checksum: Vec<u8>,
    pub(super) oldest: i64,
}

/// The newest of the migrations that a database has, 0 for none. Fails when one of ours was applied
/// with another text, or when a newer one took away what this program needs: so an older instance
/// goes on beside a newer one while the schema only grows.
pub(super) fn check(
    applied: &[Applied],
    steps: &[Migration],
    text: fn(&Migration) -> &'static str,
) -> Result<i64, Error> {
    let found = applied.iter().map(|it| it.version).max().unwrap_or(0);
    let oldest = applied.iter().map(|it| it.oldest).max().unwrap_or(0);
    let known = steps.last().map_or(0, |step| step.version);
    if oldest > known {
        return Err(Error::Newer { found, known });
    }
    for step in steps {
        let of_ours = applied.iter().find(|it| it.version == step.version);
        if of_ours.is_none() && step.version < found {
            return Err(Error::Gap { version: step.version, name: step.name, found });
        }
        if of_ours.is_some_and(|it| it.checksum != checksum(text(step))) {
            return Err(Error::Checksum { version: step.version, name: step.name });
        }
    }
    Ok(found)
}

pub(super) fn checksum(sql: &str) -> [u8; 32] {
    Sha256::digest(sql).into()
}
