//! Looks at everything that the configuration names, and says what is wrong and what mends it.
//!
//! It changes nothing that anybody sells by: it reads, and what it has to try (a file, a mark in
//! Redis, a queue) is its own and gone when it is done. It can be run beside a server that serves.
//! Engines are looked at at the same time, each for a few seconds at most.

mod configuration;
mod postgres;
mod rabbitmq;
mod redis;
mod report;
mod sqlite;

use std::time::Duration;

use tokio::time::timeout;

pub use report::{Engine, Finding, Report, Status, Verdict};

use crate::config::{Config, ConfigError};
use report::Findings;

/// How long an engine may take, in all.
const LIMIT: Duration = Duration::from_secs(5);

/// Looks at a sound configuration and at every engine that it names.
pub async fn examine(config: &Config) -> Report {
    let (database, redis, rabbitmq) =
        tokio::join!(database(config), redis(config), rabbitmq(config));
    let all = [Some(configuration::examine(config)), database, redis, rabbitmq];
    Report::of(all.into_iter().flatten().collect())
}

/// What is wrong with a configuration that names nothing to look at.
pub fn unsound(error: &ConfigError) -> Report {
    Report::of(vec![configuration::faults(error)])
}

async fn database(config: &Config) -> Option<Findings> {
    let mut found;
    if let Some(url) = config.postgres() {
        found = Findings::of(Engine::Postgres);
        in_time(&mut found, async |found| postgres::examine(url, config, found).await).await;
        postgres::aim(url, &mut found);
    } else if config.ephemeral {
        return None;
    } else {
        let folder = config.data_dir.clone();
        let looked = tokio::task::spawn_blocking(move || sqlite::examine(&folder));
        found = Findings::of(Engine::Sqlite);
        match timeout(LIMIT, looked).await {
            Ok(Ok(looked)) => found = looked,
            // A disk that does not answer.
            _ => found.away("the data folder does not answer"),
        }
    }
    Some(found)
}

async fn redis(config: &Config) -> Option<Findings> {
    let url = config.redis_url.as_ref()?.expose();
    let mut found = Findings::of(Engine::Redis);
    in_time(&mut found, async |found| redis::examine(url, config.redis_timeout, found).await).await;
    Some(found)
}

async fn rabbitmq(config: &Config) -> Option<Findings> {
    let url = config.rabbitmq_url.as_ref()?.expose();
    let mut found = Findings::of(Engine::RabbitMq);
    in_time(&mut found, async |found| rabbitmq::examine(url, found).await).await;
    Some(found)
}

/// Looks at an engine for no longer than it may take; what was found by then stays.
async fn in_time(found: &mut Findings, look: impl AsyncFnOnce(&mut Findings)) {
    if timeout(LIMIT, look(found)).await.is_err() {
        found.away("no answer in time");
    }
}
