//! The engine's options, from the configuration.

use std::sync::Arc;

use poltrona_engine::bus::rabbitmq;
use poltrona_engine::observe::metrics::Metrics;
use poltrona_engine::observe::traces::Traces;
use poltrona_engine::store::Location;
use poltrona_engine::store::postgres::Target;
use poltrona_engine::tls::Tls;
use poltrona_engine::{Options, ledger, redis, store};

use crate::config::{Config, Database};
use crate::failure::Failure;

/// The authorities that connections over TLS trust.
pub fn tls(config: &Config) -> Result<Tls, Failure> {
    config.tls().map_err(|error| Failure::Usage(format!("ca-file: {error}")))
}

/// Where the data are.
pub fn location(config: &Config, tls: &Tls) -> Result<Location, Failure> {
    Ok(match config.database() {
        Database::Folder(folder) => Location::Folder(folder),
        Database::Ephemeral => Location::Ephemeral,
        Database::Server(url) => {
            let target = Target::parse(url.expose());
            let target =
                target.map_err(|error| Failure::Usage(format!("database-url: {error}")))?;
            Location::Server(Box::new(target.trusting(tls)))
        }
    })
}

/// The engine's options, from the settings.
pub fn engine(config: &Config, tls: &Tls, metrics: Arc<Metrics>, traces: Traces) -> Options {
    Options {
        store: store::Options {
            workers: config.ledger_workers,
            read_connections: config.read_connections,
            run_migrations: config.run_migrations,
        },
        ledger: ledger::Settings {
            batch_max: config.batch_max,
            queue_depth: config.queue_depth,
            // Half of the client's time limit, so that a command that waited in vain is answered
            // as undone rather than as unknown.
            patience: config.request_timeout / 2,
        },
        feed_commits: ledger::FEED_COMMITS,
        hold_ttl: config.hold_ttl,
        redis: config.redis_url.as_ref().map(|url| redis::Settings {
            url: url.expose().to_owned(),
            tls: tls.clone(),
            timeout: config.redis_timeout,
        }),
        rabbitmq: config.rabbitmq().map(|uri| rabbitmq::Settings {
            uri,
            tls: tls.clone(),
            single_events: config.event_exchange,
        }),
        traces,
        metrics,
    }
}
