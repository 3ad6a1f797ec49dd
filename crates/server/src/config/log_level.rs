//! Which lines are logged: a level, or a filter by the part of the program that logs.

use tracing_subscriber::filter::{LevelFilter, Targets};

use super::fault::{BadValue, nearest, printable};

/// The words that set one level for everything, from the quietest.
const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// The names under which the program logs.
const PARTS: [&str; 15] = [
    "clock",
    "config",
    "database",
    "expiry",
    "http",
    "panic",
    "payment",
    "rabbitmq",
    "redis",
    "relay",
    "reservation",
    "seat",
    "server",
    "session",
    "telemetry",
];

/// Crates that log under the paths of their modules: our own, and libraries.
const CRATES: [&str; 14] = [
    "poltrona",
    "poltrona_engine",
    "poltrona_rush",
    "amq_protocol_tcp",
    "deadpool_postgres",
    "h2",
    "hickory_net",
    "hickory_proto",
    "hickory_resolver",
    "hyper",
    "hyper_util",
    "lapin",
    "tokio_postgres",
    "tower_http",
];

/// Libraries whose debug lines drown ours; a filter that names them shows them.
const CHATTY: [&str; 3] = ["h2", "hyper", "hyper_util"];

/// Reads a level, or a filter such as `info,server=debug`. Fails for a filter that names nothing that logs:
/// it would show nothing, without a word.
pub(super) fn log_level(text: &str) -> Result<String, BadValue> {
    let lower = text.to_ascii_lowercase();
    if LEVELS.contains(&lower.as_str()) {
        return Ok(lower);
    }
    let hint = "Write `error`, `warn`, `info`, `debug`, or a filter such as `info,server=debug`.";
    // A filter takes a bare word for the name of a module; here it is far more likely a misspelt
    // level, and would silence everything.
    if !text.contains(['=', ',']) {
        return Err(BadValue::new("there is no such level", hint));
    }
    if text.contains(['[', ']']) {
        return Err(BadValue::new("it selects by spans, and no line of the log is in one", hint));
    }
    let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    let parts: Vec<_> = parts.collect();
    // The parser accepts much more, such as `target=` for errors alone, or a target with a space.
    let is_sound = |part: &&str| match part.split_once('=') {
        Some((target, level)) => is_target(target) && is_level(level),
        None => is_level(part),
    };
    if parts.is_empty() || !parts.iter().all(is_sound) {
        return Err(BadValue::new("it is neither a level nor a filter", hint));
    }
    let mut targets =
        parts.iter().filter_map(|part| part.split_once('=')).map(|(target, _)| target);
    match targets.find(|target| !logs(target)) {
        Some(target) => Err(nothing_logs(target)),
        None => Ok(parts.join(",")),
    }
}

/// Reads `RUST_LOG`, which speaks to every program on the machine: parts that name nothing of this one are
/// left out.
pub(super) fn rust_log(text: &str) -> Option<String> {
    let names_ours = |part: &&str| match part.split_once('=') {
        Some((target, _)) => !is_target(target.trim()) || logs(target.trim()),
        None => true,
    };
    let ours: Vec<_> = text.split(',').filter(names_ours).collect();
    (!ours.is_empty()).then(|| ours.join(","))
}

fn is_level(text: &str) -> bool {
    LEVELS.contains(&text.to_ascii_lowercase().as_str())
}

fn is_target(text: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"_:-".contains(&byte);
    !text.is_empty() && text.bytes().all(is_part)
}

/// Whether a filter for this target can match a line.
fn logs(target: &str) -> bool {
    match target.split_once("::") {
        Some((name, _)) => CRATES.contains(&name),
        None => PARTS.contains(&target) || CRATES.contains(&target),
    }
}

fn nothing_logs(target: &str) -> BadValue {
    let hint = match nearest(target, PARTS.into_iter().chain(CRATES)) {
        Some(name) => format!("Did you mean `{name}`?"),
        None => format!("The parts of the program that log are {}.", PARTS.join(", ")),
    };
    BadValue::new(format!("nothing logs under the name {}", printable(target)), hint)
}

/// The filter for a valid [`log_level`](super::Config::log_level).
///
/// A plain level is for our own lines: chatty libraries stay at `info`, and the RabbitMQ client is
/// off, for it logs whole messages, and we log its errors ourselves.
pub fn log_filter(level: &str) -> Targets {
    if level.contains(['=', ',']) {
        let filter = level.parse().unwrap_or(Targets::new().with_default(LevelFilter::INFO));
        let names_lapin = level.contains("lapin");
        return if names_lapin { filter } else { filter.with_target("lapin", LevelFilter::OFF) };
    }
    let chatty: &[&str] = if matches!(level, "debug" | "trace") { &CHATTY } else { &[] };
    let quiet = chatty.iter().map(|library| (*library, LevelFilter::INFO));
    Targets::new()
        .with_default(level.parse().unwrap_or(LevelFilter::INFO))
        .with_targets(quiet)
        .with_target("lapin", LevelFilter::OFF)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_level_is_not_taken_for_a_module() {
        assert_eq!(log_level("WARN").as_deref(), Ok("warn"));
        assert_eq!(log_level("warn,poltrona=debug").as_deref(), Ok("warn,poltrona=debug"));
        assert_eq!(log_level("info, http=debug,").as_deref(), Ok("info,http=debug"));
        for text in ["", "verbose", "poltrona=loud", "info,,=,", "info,http=", "=debug", "2", ","] {
            assert!(log_level(text).is_err(), "{text:?} passed");
        }
        for text in ["wran,http=info", "info http=debug", "info;http=debug", "http =debug"] {
            assert!(log_level(text).is_err(), "{text:?} passed");
        }
        assert!(log_level("info,http[request]=debug").unwrap_err().why.contains("spans"));
    }

    #[test]
    fn a_filter_names_what_logs() {
        for text in ["http=debug", "poltrona::http=debug", "hyper_util::client=trace"] {
            assert_eq!(log_level(text).as_deref(), Ok(text));
        }
        let refused = |text| log_level(text).unwrap_err();
        assert_eq!(refused("info,htttp=debug").hint, "Did you mean `http`?");
        assert!(refused("nosuch=debug").hint.contains("http, panic"));
        assert!(refused("http::router=debug").why.contains("http::router"));
    }

    #[test]
    fn a_plain_debug_level_keeps_libraries_quiet() {
        use tracing::Level;
        let filter = log_filter("debug");
        assert!(filter.would_enable("ledger", &Level::DEBUG));
        assert!(filter.would_enable("hyper::client", &Level::INFO));
        assert!(!filter.would_enable("hyper::client", &Level::DEBUG));
        assert!(!filter.would_enable("lapin::channel", &Level::ERROR));
        assert!(!log_filter("info").would_enable("ledger", &Level::DEBUG));
        assert!(!log_filter("off").would_enable("ledger", &Level::ERROR));
        let named = log_filter("warn,hyper=debug");
        assert!(!named.would_enable("lapin::channel", &Level::ERROR));
        assert!(log_filter("warn,lapin=info").would_enable("lapin::channel", &Level::ERROR));
        assert!(named.would_enable("hyper::client", &Level::DEBUG));
        assert!(!named.would_enable("ledger", &Level::INFO));
    }
}
