//! A private PostgreSQL that keeps what it has committed: `fsync`, `synchronous_commit` and
//! `full_page_writes` stay on. What it did is read from its own counters.

use anyhow::Context as _;
use poltrona_engine::store::postgres::Target;
use tokio_postgres::Client;

use super::Engine;
use crate::Bench;
use crate::server::{free_port, wait_until};

/// A running PostgreSQL.
pub(crate) struct Postgres {
    _engine: Engine,
    /// A connection to the database `postgres`, so that looking at counters is not counted in others.
    client: Client,
    port: u16,
}

/// One of its databases, and the engines that a program is to use beside it.
#[derive(Clone)]
pub(crate) struct Database {
    name: String,
    environment: Vec<(&'static str, String)>,
}

/// What was done in a database since it was made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Done {
    /// Transactions, those that were rolled back included.
    pub(crate) transactions: i64,
    /// Rows of `seats` that were updated.
    pub(crate) seats_updated: i64,
    /// Of them, those that touched no index.
    pub(crate) seats_hot: i64,
}

impl Postgres {
    pub(crate) async fn start(bench: &Bench) -> anyhow::Result<Self> {
        let port = free_port()?;
        // SIGQUIT is an immediate shutdown, which ends all its processes.
        let mut engine = Engine::start(bench, "postgres", &[port.to_string()], "-QUIT")?;
        let target = Target::parse(&url(port, "postgres"))?;
        let client = engine.answers(async || target.connect().await.ok()).await?;
        Ok(Self { _engine: engine, client, port })
    }

    /// An empty database.
    pub(crate) async fn create(&self, name: &str) -> anyhow::Result<Database> {
        self.create_from(name, "template1").await
    }

    /// A fresh copy of a database that nobody is connected to, down to the disk: what is still to be
    /// written would be a load on the run.
    pub(crate) async fn copy(&self, template: &str, name: &str) -> anyhow::Result<Database> {
        let database = self.create_from(name, template).await?;
        self.client.batch_execute("CHECKPOINT").await?;
        Ok(database)
    }

    async fn create_from(&self, name: &str, template: &str) -> anyhow::Result<Database> {
        self.client.batch_execute(&format!("DROP DATABASE IF EXISTS \"{name}\"")).await?;
        let sql = format!("CREATE DATABASE \"{name}\" TEMPLATE \"{template}\"");
        self.client.batch_execute(&sql).await.with_context(|| sql)?;
        let environment = vec![("DATABASE_URL", url(self.port, name))];
        Ok(Database { name: name.to_owned(), environment })
    }

    /// Waits until nobody is connected to a database: a connection ends a moment after its program.
    pub(crate) async fn wait_until_left(&self, database: &Database) -> anyhow::Result<()> {
        let users = "SELECT count(*) FROM pg_stat_activity WHERE datname = $1";
        wait_until("the database is still in use", async || {
            Ok(self.client.query_one(users, &[&database.name]).await?.try_get::<_, i64>(0)? == 0)
        })
        .await
    }

    /// How often it has brought its log to the disk.
    pub(crate) async fn syncs(&self) -> anyhow::Result<i64> {
        Ok(self.client.query_one("SELECT wal_sync FROM pg_stat_wal", &[]).await?.try_get(0)?)
    }

    /// What was done in a database, when all who used it are gone: a process counts for itself and
    /// reports at its end.
    pub(crate) async fn done(&self, database: &Database) -> anyhow::Result<Done> {
        self.wait_until_left(database).await?;
        let sql = "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = $1";
        let transactions = self.client.query_one(sql, &[&database.name]).await?.try_get(0)?;
        let look = Target::parse(database.url())?.connect().await?;
        let sql =
            "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 'seats'";
        let row = look.query_one(sql, &[]).await?;
        Ok(Done { transactions, seats_updated: row.try_get(0)?, seats_hot: row.try_get(1)? })
    }
}

impl Database {
    /// Where it is.
    pub(crate) fn url(&self) -> &str {
        self.environment.first().map_or("", |(_, url)| url)
    }

    /// The variables that tell the program of it and of what is beside it.
    pub(crate) fn environment(&self) -> &[(&'static str, String)] {
        &self.environment
    }

    /// The same, with another engine beside it.
    pub(crate) fn with(mut self, variable: &'static str, url: String) -> Self {
        self.environment.push((variable, url));
        self
    }
}

fn url(port: u16, database: &str) -> String {
    format!("postgres://postgres@127.0.0.1:{port}/{database}")
}
