//! Checks the settings: their faults, and values that are valid but seldom meant.

use std::time::Duration;

use super::report::{Engine, Findings};
use crate::config::{Config, ConfigError, Database, show_duration};

/// Shorter holds leave no time to pay.
const SHORT: Duration = Duration::from_secs(5);
/// Longer holds keep unpaid seats from other buyers.
const LONG: Duration = Duration::from_hours(1);

/// Checks a valid configuration.
pub(super) fn examine(config: &Config) -> Findings {
    let mut found = Findings::of(Engine::Configuration);
    found.ok("settings", "valid");
    mode(config, &mut found);
    listening(config, &mut found);
    authorities(config, &mut found);
    hold(config, &mut found);
    found
}

/// The faults of an invalid one.
pub(super) fn faults(error: &ConfigError) -> Findings {
    let mut found = Findings::of(Engine::Configuration);
    for fault in &error.faults {
        found.failure("settings", format!("{}: {}", fault.what, fault.why), &*fault.hint);
    }
    found
}

fn mode(config: &Config, found: &mut Findings) {
    match config.database() {
        Database::Server(_) => {
            let redis = config.redis_url.as_ref().map(|_| "Redis");
            let rabbitmq = config.rabbitmq_url.as_ref().map(|_| "RabbitMQ");
            let engines: Vec<_> =
                [Some("PostgreSQL"), redis, rabbitmq].into_iter().flatten().collect();
            found.ok("mode", format!("one of many instances, over {}", engines.join(", ")));
            return;
        }
        Database::Ephemeral => {
            let detail =
                "embedded, in a temporary folder: all sales are deleted when the program ends";
            found.warning("mode", detail, "poltrona serve --ephemeral=false");
        }
        Database::Folder(folder) => {
            found.ok("mode", format!("embedded, in {}", folder.display()));
        }
    }
    if config.redis_url.is_some() {
        let detail = "Redis helps only where several instances share one database";
        found.warning("seat lock", detail, "unset REDIS_URL POLTRONA_REDIS_URL");
    }
}

fn listening(config: &Config, found: &mut Findings) {
    let address = format!("{}:{}", config.host, config.port);
    if config.host.to_canonical().is_loopback() {
        found.ok("listening", format!("on {address}, for this machine alone"));
    } else {
        let detail = format!("on {address}: other machines reach it, and nobody is authenticated");
        found.warning("listening", detail, "poltrona serve --host 127.0.0.1");
    }
}

/// Whom connections over TLS trust.
fn authorities(config: &Config, found: &mut Findings) {
    let Some(file) = &config.ca_file else { return };
    match config.tls() {
        Ok(_) => found.ok("ca-file", format!("{}, beside the system's", file.display())),
        Err(error) => {
            found.failure("ca-file", error.to_string(), "poltrona config check --ca-file FILE");
        }
    }
}

fn hold(config: &Config, found: &mut Findings) {
    let hold = show_duration(config.hold_ttl);
    let fix = "poltrona serve --hold-ttl 30s";
    match config.hold_ttl {
        ttl if ttl < SHORT => {
            found.warning("hold", format!("{hold}: too short to pay in"), fix);
        }
        ttl if ttl > LONG => {
            let detail = format!("{hold}: an unpaid seat is kept from others for that long");
            found.warning("hold", detail, fix);
        }
        _ => found.ok("hold", hold),
    }
}
