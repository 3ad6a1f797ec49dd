//! A private PostgreSQL that keeps what it has committed: `fsync`, `synchronous_commit` and
//! `full_page_writes` stay on. Its work is read from its own counters.

use std::path::Path;

use poltrona_testkit::engines;
use poltrona_testkit::sql::Connection;
use poltrona_testkit::wait::try_wait_for;

use crate::setup::PAUSE;

/// A running PostgreSQL.
pub(crate) struct Postgres {
    /// To the database `postgres`, so that looking at counters is not counted in others.
    connection: Connection,
    server: engines::Postgres,
}

/// One of its databases, and the engines that a program is to use beside it.
#[derive(Clone)]
pub(crate) struct Database {
    name: String,
    url: String,
    beside: Vec<(&'static str, String)>,
}

/// The work in a database since it was made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Done {
    /// Transactions, those that were rolled back included.
    pub(crate) transactions: usize,
    /// Rows of `seats` that were updated.
    pub(crate) seats_updated: usize,
    /// Of them, those that touched no index.
    pub(crate) seats_hot: usize,
}

impl Postgres {
    pub(crate) async fn start_in(folder: &Path) -> Self {
        let server = engines::Postgres::start_in(folder).await;
        Self { connection: Connection::connect(&server.url()), server }
    }

    /// An empty database.
    pub(crate) fn create(&self, name: &str) -> Database {
        self.create_from(name, "template1")
    }

    /// A fresh copy of a database without connections, flushed to the disk: later writes would slow
    /// the run.
    pub(crate) fn copy(&self, template: &str, name: &str) -> Database {
        let database = self.create_from(name, template);
        self.connection.column("CHECKPOINT");
        database
    }

    fn create_from(&self, name: &str, template: &str) -> Database {
        // A connection ends a moment after its program.
        self.connection.column(&format!("DROP DATABASE IF EXISTS \"{name}\" WITH (FORCE)"));
        // Copying files costs less than writing them to the log.
        let copy = format!("TEMPLATE \"{template}\" STRATEGY FILE_COPY");
        self.connection.column(&format!("CREATE DATABASE \"{name}\" {copy}"));
        let url = self.server.url_of(name);
        Database { name: name.to_owned(), url, beside: Vec::new() }
    }

    /// Waits until nobody is connected to a database: a connection ends a moment after its program.
    pub(crate) async fn wait_until_left(&self, database: &Database) -> anyhow::Result<()> {
        let name = &database.name;
        let users = format!("SELECT count(*) FROM pg_stat_activity WHERE datname = '{name}'");
        try_wait_for("nobody uses the database", PAUSE, async || {
            Ok(self.connection.count(&users) == 0)
        })
        .await
    }

    /// Its processes.
    pub(crate) fn processes(&self) -> Vec<u32> {
        self.server.processes()
    }

    /// How often it has brought its log to the disk.
    pub(crate) fn syncs(&self) -> usize {
        self.connection.get("SELECT wal_sync FROM pg_stat_wal")
    }

    /// The work in a database, once all its connections have ended: a process counts for itself
    /// and reports at its end.
    pub(crate) async fn done(&self, database: &Database) -> anyhow::Result<Done> {
        self.wait_until_left(database).await?;
        let transactions = self.connection.get(&format!(
            "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = '{}'",
            database.name
        ));
        let seats = Connection::connect(database.url());
        let updates = |column: &str| {
            seats.get(&format!("SELECT {column} FROM pg_stat_user_tables WHERE relname = 'seats'"))
        };
        let [seats_updated, seats_hot] = ["n_tup_upd", "n_tup_hot_upd"].map(updates);
        Ok(Done { transactions, seats_updated, seats_hot })
    }
}

impl Database {
    /// Where it is.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The variables that lead the program to it and to what is beside it.
    pub(crate) fn environment(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let beside = self.beside.iter().map(|(name, url)| (*name, url.as_str()));
        std::iter::once(("DATABASE_URL", self.url())).chain(beside)
    }

    /// Adds another engine beside it.
    pub(crate) fn with(mut self, variable: &'static str, url: String) -> Self {
        self.beside.push((variable, url));
        self
    }
}
