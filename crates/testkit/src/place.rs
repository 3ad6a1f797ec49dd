//! Where a test's data are: a folder that is thrown away, or a database that is.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use poltrona::config::{Config, Secret};
use poltrona_engine::store::sqlite::folder::database_in;
use tempfile::TempDir;

use crate::engines::{self, Database, Postgres};
use crate::sql::{Connection, Session, connect};
use crate::wait::{PATIENCE, wait_for};

/// Every table that the program writes to.
pub const TABLES: [&str; 12] = [
    "sessions",
    "session_versions",
    "session_names",
    "seats",
    "reservations",
    "sales",
    "sale_seats",
    "outbox",
    "idempotency",
    "inbox",
    "session_stats",
    "sales_by_hour",
];

/// The data of one test.
pub enum Place {
    /// A folder with a SQLite file.
    Folder(TempDir),
    /// A database on a PostgreSQL server, and a connection to it, beside the program's.
    Server(Database, Session),
}

/// While it lives, nothing can be written to the database.
pub enum Stall {
    /// Closing it ends its transaction.
    Sqlite {
        /// Holds the lock on the file.
        transaction: rusqlite::Connection,
    },
    /// Closing it ends its transaction, too.
    Postgres {
        /// Holds the locks on the tables.
        transaction: Box<tokio_postgres::Client>,
    },
}

/// Whether tests use the embedded store; with `TEST_STORE=postgres` they do not.
fn tests_are_embedded() -> bool {
    #[expect(clippy::disallowed_methods, reason = "the tests have no configuration but this")]
    let store = std::env::var("TEST_STORE").unwrap_or_default();
    match store.as_str() {
        "" | "sqlite" => true,
        "postgres" => false,
        other => panic!("TEST_STORE={other}: it is sqlite or postgres"),
    }
}

impl Place {
    /// A place of its own, in the store that the tests use.
    pub async fn new() -> Self {
        if tests_are_embedded() { Self::folder() } else { Self::server().await }
    }

    /// A folder of its own, even when the tests use PostgreSQL.
    pub fn folder() -> Self {
        Self::Folder(tempfile::tempdir().expect("a temporary folder"))
    }

    /// A database of its own, even when the tests use SQLite.
    pub async fn server() -> Self {
        Self::in_database(engines::database().await)
    }

    /// A database of its own on this server.
    pub async fn on(server: &Arc<Postgres>) -> Self {
        Self::in_database(Database::create(&server.url(), Some(Arc::clone(server))).await)
    }

    fn in_database(database: Database) -> Self {
        let session = Session::open(database.url());
        Self::Server(database, session)
    }

    /// The settings of a program over these data.
    pub fn config(&self) -> Config {
        match self {
            Self::Folder(folder) => Config::default_for_tests(folder.path()),
            Self::Server(database, _) => Config {
                port: 0,
                database_url: Some(Secret::new(database.url())),
                run_migrations: true,
                ..Config::default()
            },
        }
    }

    /// Whether the data are in a folder, and not on a server.
    pub const fn is_a_folder(&self) -> bool {
        matches!(self, Self::Folder(_))
    }

    /// Looks into the database.
    pub fn look<T>(&self, at: impl FnOnce(&Connection) -> T) -> T {
        match self {
            Self::Folder(folder) => at(&Connection::open(&file_in(folder))),
            Self::Server(_, session) => at(&Connection::Postgres(session.clone())),
        }
    }

    /// The one value that a query gives.
    #[track_caller]
    pub fn sql<T: FromStr>(&self, query: &str) -> T {
        self.look(|database| database.get(query))
    }

    /// Changes the database behind the program's back, as a fault or another program would.
    #[track_caller]
    pub fn tamper(&self, sql: &str) {
        match self {
            Self::Folder(folder) => writable(&file_in(folder)).execute_batch(sql).expect(sql),
            Self::Server(_, session) => drop(session.run(sql)),
        }
    }

    /// Makes a kind of statement (`INSERT`, `DELETE`) fail on a table.
    pub fn forbid(&self, statement: &str, table: &str) {
        self.tamper(&if self.is_a_folder() {
            format!(
                "CREATE TRIGGER forbidden BEFORE {statement} ON {table}
                    BEGIN SELECT RAISE(ABORT, 'forbidden'); END"
            )
        } else {
            format!(
                "CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
                    $$ BEGIN RAISE EXCEPTION 'forbidden' USING ERRCODE = '23000'; END $$;
                 CREATE TRIGGER forbidden BEFORE {statement} ON {table}
                    FOR EACH ROW EXECUTE FUNCTION refuse()"
            )
        });
    }

    /// Lets it succeed again.
    pub fn allow(&self, table: &str) {
        self.tamper(&if self.is_a_folder() {
            "DROP TRIGGER forbidden".to_owned()
        } else {
            format!("DROP TRIGGER forbidden ON {table}")
        });
    }

    /// Keeps every write waiting until the guard is dropped.
    pub async fn stall(&self) -> Stall {
        let Self::Folder(folder) = self else {
            let tables = TABLES.join(", ");
            return self.keep_locked(&format!("LOCK TABLE {tables} IN EXCLUSIVE MODE")).await;
        };
        let transaction = writable(&file_in(folder));
        transaction.execute_batch("BEGIN IMMEDIATE").expect("the database to itself");
        Stall::Sqlite { transaction }
    }
}

/// Functions for a PostgreSQL server alone.
impl Place {
    /// Keeps this statement's locks until the guard is dropped.
    pub async fn keep_locked(&self, sql: &str) -> Stall {
        let Self::Server(database, _) = self else { panic!("it is in a folder") };
        let transaction = Box::new(connect(database.url()).await);
        transaction.batch_execute(&format!("BEGIN; {sql}")).await.expect("a lock");
        Stall::Postgres { transaction }
    }

    /// How many connections wait for a lock that another has.
    pub fn waiting(&self) -> i64 {
        self.sql(
            "SELECT count(*) FROM pg_stat_activity
             WHERE datname = current_database() AND wait_event_type = 'Lock'",
        )
    }

    /// Waits until so many connections, or more, wait for a lock.
    pub async fn wait_for_waiting(&self, count: i64) {
        wait_for(format!("{count} wait"), async || (self.waiting() >= count).then_some(())).await;
    }

    /// Cuts every connection of the program's, and waits until they have ended.
    pub fn cut_connections(&self) {
        self.tamper(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
             WHERE datname = current_database() AND application_name = 'poltrona'",
        );
    }

    /// The server's clock, in milliseconds.
    pub fn servers_millis(&self) -> i64 {
        self.sql("SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint")
    }
}

/// SQL literals, which differ between the stores.
impl Place {
    /// An id.
    pub fn id(&self, id: &str) -> String {
        if self.is_a_folder() {
            format!("x'{}'", id.replace('-', ""))
        } else {
            format!("'{id}'::uuid")
        }
    }

    /// Bytes, given in hexadecimal.
    pub fn bytes(&self, hex: &str) -> String {
        if self.is_a_folder() { format!("x'{hex}'") } else { format!("'\\x{hex}'") }
    }
}

impl Stall {
    /// Lets writes go on.
    pub fn end(self) {
        drop(self);
    }
}

fn file_in(folder: &TempDir) -> PathBuf {
    database_in(folder.path())
}

fn writable(file: &Path) -> rusqlite::Connection {
    let database = rusqlite::Connection::open(file).expect("the database");
    database.busy_timeout(PATIENCE).expect("a time-out");
    database
}
