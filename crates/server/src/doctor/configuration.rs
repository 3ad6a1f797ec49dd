//! The settings: whether they are sound, and what they ask for.

use std::time::Duration;

use super::report::{Engine, Findings};
use crate::config::{Config, ConfigError, show_duration};

/// Holds that are shorter leave nobody the time to pay.
const SHORT: Duration = Duration::from_secs(5);
/// Holds that are longer keep a seat that nobody pays for from everyone else.
const LONG: Duration = Duration::from_hours(1);

/// Looks at a sound configuration.
pub(super) fn examine(config: &Config) -> Findings {
    let mut found = Findings::of(Engine::Configuration);
    found.ok("settings", "sound");
    mode(config, &mut found);
    listening(config, &mut found);
    hold(config, &mut found);
    found
}

/// What is wrong with one that is not.
pub(super) fn faults(error: &ConfigError) -> Findings {
    let mut found = Findings::of(Engine::Configuration);
    for fault in &error.faults {
        found.failure("settings", format!("{}: {}", fault.what, fault.why), &*fault.hint);
    }
    found
}

fn mode(config: &Config, found: &mut Findings) {
    let engines = [
        config.postgres().map(|_| "PostgreSQL"),
        config.redis_url.as_ref().map(|_| "Redis"),
        config.rabbitmq_url.as_ref().map(|_| "RabbitMQ"),
    ];
    let engines: Vec<_> = engines.into_iter().flatten().collect();
    if config.postgres().is_some() {
        found.ok("mode", format!("one of many instances, over {}", engines.join(", ")));
    } else if config.ephemeral {
        let detail = "embedded, in a temporary folder: all that is sold goes away at the end";
        found.warning("mode", detail, "poltrona serve --ephemeral=false");
    } else {
        found.ok("mode", format!("embedded, in {}", config.data_dir.display()));
    }
    if config.postgres().is_none() && config.redis_url.is_some() {
        let detail = "Redis helps only where several instances share one database";
        found.warning("seat lock", detail, "unset REDIS_URL POLTRONA_REDIS_URL");
    }
}

fn listening(config: &Config, found: &mut Findings) {
    let address = format!("{}:{}", config.host, config.port);
    if config.host.to_canonical().is_loopback() {
        found.ok("listening", format!("on {address}, for this machine alone"));
    } else {
        let detail =
            format!("on {address}, for other machines too, and nobody is authenticated there");
        found.warning("listening", detail, "poltrona serve --host 127.0.0.1");
    }
}

fn hold(config: &Config, found: &mut Findings) {
    let hold = show_duration(config.hold_ttl);
    let mend = "poltrona serve --hold-ttl 30s";
    match config.hold_ttl {
        ttl if ttl < SHORT => {
            found.warning("hold", format!("{hold}: too short for anyone to pay"), mend);
        }
        ttl if ttl > LONG => {
            let detail = format!("{hold}: so long is a seat kept by someone who does not pay");
            found.warning("hold", detail, mend);
        }
        _ => found.ok("hold", hold),
    }
}
