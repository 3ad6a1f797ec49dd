//! Checks the settings and every engine that they name, and gives a fix for each problem.
//!
//! It changes no data of the program: it reads, and deletes what it creates for a trial (a file, a
//! mark in Redis, a queue). It may run beside a server. The engines are checked at the same time,
//! each for at most five seconds.

mod report;
mod configuration;
mod sqlite;
mod postgres;
mod redis;
mod rabbitmq;

use std::time::Duration;

use tokio::time::timeout;

pub use report::{Engine, Finding, Report, Status, Verdict};

use crate::config::{Config, ConfigError, Database};
use poltrona_engine::store::postgres::Target;
use poltrona_engine::tls::Tls;
use report::Findings;

/// How long the checks of one engine may take together.
const LIMIT: Duration = Duration::from_secs(5);

/// Checks a valid configuration, and every engine that it names.
pub async fn examine(config: &Config) -> Report {
    // A file that cannot be used is a finding of its own.
    let tls = &config.tls().unwrap_or_else(|_| Tls::system());
    let (database, redis, rabbitmq) =
        tokio::join!(database(config, tls), redis(config, tls), rabbitmq(config, tls));
    let all = [Some(configuration::examine(config)), database, redis, rabbitmq];
    Report::of(all.into_iter().flatten().collect())
}

/// The faults of an invalid configuration, as findings.
pub fn unsound(error: &ConfigError) -> Report {
    Report::of(vec![configuration::faults(error)])
}

async fn database(config: &Config, tls: &Tls) -> Option<Findings> {
    match config.database() {
        Database::Ephemeral => None,
        Database::Folder(folder) => {
            let looked = tokio::task::spawn_blocking(move || sqlite::examine(&folder));
            if let Ok(Ok(found)) = timeout(LIMIT, looked).await {
                return Some(found);
            }
            let mut found = Findings::of(Engine::Sqlite);
            found.away("the data folder does not answer");
            Some(found)
        }
        Database::Server(url) => {
            let mut found = Findings::of(Engine::Postgres);
            let url = url.expose();
            // A silent host takes as long as the URL allows before the next is tried.
            let connecting = Target::parse(url).map_or(Duration::ZERO, |it| it.connect_timeout());
            let look = async |found: &mut _| postgres::examine(url, tls, config, found).await;
            within(LIMIT + connecting, &mut found, look).await;
            postgres::aim(url, &mut found);
            Some(found)
        }
    }
}

async fn redis(config: &Config, tls: &Tls) -> Option<Findings> {
    let url = config.redis_url.as_ref()?.expose();
    let mut found = Findings::of(Engine::Redis);
    let limit = config.redis_timeout;
    in_time(&mut found, async |found| redis::examine(url, tls.clone(), limit, found).await).await;
    Some(found)
}

async fn rabbitmq(config: &Config, tls: &Tls) -> Option<Findings> {
    let uri = config.rabbitmq()?;
    let mut found = Findings::of(Engine::RabbitMq);
    in_time(&mut found, async |found| rabbitmq::examine(uri, tls, found).await).await;
    Some(found)
}

/// Checks an engine for at most [`LIMIT`]; findings made before that stay.
async fn in_time(found: &mut Findings, look: impl AsyncFnOnce(&mut Findings)) {
    within(LIMIT, found, look).await;
}

async fn within(limit: Duration, found: &mut Findings, look: impl AsyncFnOnce(&mut Findings)) {
    if timeout(limit, look(found)).await.is_err() {
        found.away("no answer in time");
    }
}
