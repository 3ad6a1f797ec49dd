//! The store that the configuration asks for, opened.

use std::time::Duration;

use anyhow::Context as _;
use tokio::time::{Instant, sleep};
use tracing::info;

use crate::config::Config;
use crate::failure::Failure;
use poltrona_engine::clock::Clock;
use poltrona_engine::ids;
use poltrona_engine::ledger::Chores;
use poltrona_engine::relay::{News, Outbox};
use poltrona_engine::store::postgres::{self, OpenError, Target};
use poltrona_engine::store::sqlite::{self, folder::Folder};
use poltrona_engine::store::{Readers, Writer};

/// How long between two tries to reach an engine that a start waits for.
const TRY_EVERY: Duration = Duration::from_millis(250);

/// An open store, in the parts that use it.
pub(super) struct Opened {
    pub(super) writers: Vec<Writer>,
    pub(super) chores: Chores,
    pub(super) readers: Readers,
    pub(super) outbox: Outbox,
    pub(super) clock: Clock,
    /// The data folder, if the data are in one.
    pub(super) folder: Option<Folder>,
}

/// Opens the store, waiting for its server as long as the configuration says.
pub(super) async fn store(config: &Config, clock: Clock) -> anyhow::Result<Opened> {
    match config.postgres() {
        Some(url) => in_postgres(&target(url)?, config, clock).await,
        None => in_folder(config, clock),
    }
}

/// Where the server is, from a URL that the configuration holds.
pub(super) fn target(url: &str) -> anyhow::Result<Target> {
    let target = Target::parse(url);
    Ok(target.map_err(|error| Failure::Usage(format!("database-url: {error}")))?)
}

fn in_folder(config: &Config, clock: Clock) -> anyhow::Result<Opened> {
    let folder = if config.ephemeral {
        Folder::ephemeral(&ids::fresh().to_string())
    } else {
        Folder::lock(&config.data_dir)
    };
    let folder = folder.map_err(|error| Failure::Usage(error.to_string()))?;
    let (writer, readers) = sqlite::open(&folder.database(), config.read_connections, &clock)
        .with_context(|| format!("opening {}", folder.database().display()))?;
    let readers = Readers::Sqlite(readers);
    let outbox = Outbox::Ours { news: News::bell(), readers: readers.clone() };
    let (writers, folder) = (vec![Writer::Sqlite(writer)], Some(folder));
    Ok(Opened { writers, chores: Chores::Worker, readers, outbox, clock, folder })
}

async fn in_postgres(target: &Target, config: &Config, clock: Clock) -> anyhow::Result<Opened> {
    let clock = clock.corrected();
    let options = postgres::Options {
        workers: config.ledger_workers,
        read_connections: config.read_connections,
        run_migrations: config.run_migrations,
    };
    let deadline = Instant::now() + config.wait_for;
    let opened = loop {
        match postgres::open(target, options, &clock).await {
            Err(OpenError::Unreachable(error)) if Instant::now() < deadline => {
                info!(target: "database", error, server = target.describe(), "waiting for PostgreSQL");
                sleep(TRY_EVERY).await;
            }
            Err(error @ OpenError::Unreachable(_)) => {
                return Err(Failure::Away(format!("{}: {error}", target.describe())).into());
            }
            Err(error) => return Err(Failure::Usage(error.to_string()).into()),
            Ok(opened) => break opened,
        }
    };
    let postgres::Opened { writers, readers, pool } = opened;
    let readers = Readers::Postgres(readers);
    let outbox =
        Outbox::Shared { news: News::carrying(), readers: readers.clone(), pool: pool.clone() };
    let writers = writers.into_iter().map(Writer::Postgres).collect();
    Ok(Opened { writers, chores: Chores::Pool(pool), readers, outbox, clock, folder: None })
}
