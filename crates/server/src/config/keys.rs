//! The one table of settings: flags, variables, the file, help and defaults all follow from it.

use std::time::Duration;

use super::fault::BadValue;
use super::log_level;
use super::parse;
use super::settings::Config;
use super::value::{show_duration, show_single_events};

/// The syntax of a setting's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A text, quoted in the file.
    Text,
    /// A whole number, bare in the file.
    Number,
    /// `true`, `false`, or another word where there is one; as a flag its name alone means `true`.
    Switch,
    /// A text that is shown as `***`. It has no flag, for process lists show command lines. With
    /// `_FILE` at the end of its name, each of its variables names a file instead.
    Secret,
}

/// A variable of another name that also sets a key, when the key's own variable does not.
#[derive(Debug, Clone, Copy)]
pub struct Alias {
    /// The variable's name.
    pub name: &'static str,
    /// The key's text for a value of the variable; `None` leaves the key unset.
    pub(super) translate: fn(&str) -> Result<Option<String>, BadValue>,
}

/// One setting.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// Its name in the file; the flag and the variable are made from it.
    pub name: &'static str,
    /// The placeholder of its value in help, such as `DURATION`.
    pub value_name: &'static str,
    /// The syntax of its value.
    pub kind: Kind,
    /// Further variables that set it, the strongest first.
    pub aliases: &'static [Alias],
    /// Its effect, in one line.
    pub help: &'static str,
    /// A value that differs from the default.
    pub example: &'static str,
    pub(super) put: fn(&mut Config, &str) -> Result<(), BadValue>,
    pub(super) get: fn(&Config) -> Option<String>,
}

impl Key {
    /// The flag's name without dashes, if the setting may be given as one.
    pub fn flag(&self) -> Option<&'static str> {
        (self.kind != Kind::Secret).then_some(self.name)
    }

    /// The setting's own variable, such as `POLTRONA_HOLD_TTL`.
    pub fn variable(&self) -> String {
        format!("POLTRONA_{}", self.name.to_ascii_uppercase().replace('-', "_"))
    }

    /// Every variable that sets it, the strongest first.
    pub fn variables(&self) -> Vec<String> {
        std::iter::once(self.variable())
            .chain(self.aliases.iter().map(|alias| alias.name.to_owned()))
            .collect()
    }

    /// Its value as text; `***` for a secret, `None` when it has no value.
    pub fn show(&self, config: &Config) -> Option<String> {
        (self.get)(config)
    }

    /// Its default as text, if it has one.
    pub fn default(&self) -> Option<String> {
        self.show(&Config::default())
    }

    /// A value as the file has it: text is quoted.
    pub fn in_toml(&self, value: &str) -> String {
        match self.kind {
            Kind::Number => value.to_owned(),
            Kind::Switch if matches!(value, "true" | "false") => value.to_owned(),
            Kind::Switch | Kind::Text | Kind::Secret => toml::Value::from(value).to_string(),
        }
    }

    const fn also(mut self, aliases: &'static [Alias]) -> Self {
        self.aliases = aliases;
        self
    }
}

/// The setting of this name.
pub fn find(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.name == name)
}

type Put = fn(&mut Config, &str) -> Result<(), BadValue>;
type Get = fn(&Config) -> Option<String>;
type Words = (&'static str, &'static str, &'static str);

const fn key(name: &'static str, kind: Kind, words: Words, put: Put, get: Get) -> Key {
    let (value_name, example, help) = words;
    Key { name, value_name, kind, aliases: &[], help, example, put, get }
}

const fn plain(name: &'static str) -> Alias {
    Alias { name, translate: |text| Ok(Some(text.to_owned())) }
}

/// `LOG_JSON=true` asks for JSON; `false` asks for nothing in particular.
const LOG_JSON: Alias = Alias {
    name: "LOG_JSON",
    translate: |text| Ok(parse::switch(text)?.then(|| "json".to_owned())),
};

const MILLI: Duration = Duration::from_millis(1);
const MINUTE: Duration = Duration::from_mins(1);

/// The shortest time-out that still lets a client on a slow line be served.
const BRIEF: Duration = Duration::from_millis(100);

/// Every setting, in the order in which help, the file and `config show` list them.
pub const KEYS: &[Key] = &[
    key(
        "host",
        Kind::Text,
        ("ADDRESS", "0.0.0.0", "Address to listen on; other than loopback needs --insecure"),
        |c, text| parse::host(text).map(|value| c.host = value),
        |c| Some(c.host.to_string()),
    ),
    key(
        "port",
        Kind::Number,
        ("PORT", "8080", "TCP port to listen on; 0 lets the system choose"),
        |c, text| parse::port(text).map(|value| c.port = value),
        |c| Some(c.port.to_string()),
    )
    .also(&[plain("PORT")]),
    key(
        "data-dir",
        Kind::Text,
        ("DIR", "/var/lib/poltrona", "Folder that holds the database"),
        |c, text| parse::folder(text).map(|value| c.data_dir = value),
        |c| Some(c.data_dir.display().to_string()),
    ),
    key(
        "ephemeral",
        Kind::Switch,
        ("BOOL", "true", "Keep the data in a temporary folder, deleted when the program ends"),
        |c, text| parse::switch(text).map(|value| c.ephemeral = value),
        |c| Some(c.ephemeral.to_string()),
    ),
    key(
        "demo",
        Kind::Switch,
        ("BOOL", "true", "Create made-up films and sessions in an empty database"),
        |c, text| parse::switch(text).map(|value| c.demo = value),
        |c| Some(c.demo.to_string()),
    ),
    key(
        "hold-ttl",
        Kind::Text,
        (
            "DURATION",
            "2m",
            "How long an unpaid reservation holds its seats (100ms to 24h); 5m with demo",
        ),
        |c, t| parse::duration(t, BRIEF, 1440 * MINUTE).map(|value| c.hold_ttl = value),
        |c| Some(show_duration(c.hold_ttl)),
    ),
    key(
        "shutdown-grace",
        Kind::Text,
        ("DURATION", "5s", "How long open requests may take to finish at shutdown (up to 10m)"),
        |c, t| parse::duration(t, Duration::ZERO, 10 * MINUTE).map(|v| c.shutdown_grace = v),
        |c| Some(show_duration(c.shutdown_grace)),
    ),
    key(
        "request-timeout",
        Kind::Text,
        ("DURATION", "5s", "How long an answer may take (100ms to 10m)"),
        |c, t| parse::duration(t, BRIEF, 10 * MINUTE).map(|v| c.request_timeout = v),
        |c| Some(show_duration(c.request_timeout)),
    ),
    key(
        "header-timeout",
        Kind::Text,
        ("DURATION", "3s", "How long a client may take to send a header (100ms to 10m)"),
        |c, t| parse::duration(t, BRIEF, 10 * MINUTE).map(|v| c.header_timeout = v),
        |c| Some(show_duration(c.header_timeout)),
    ),
    key(
        "body-timeout",
        Kind::Text,
        ("DURATION", "5s", "How long a client may take to send a body (100ms to 10m)"),
        |c, t| parse::duration(t, BRIEF, 10 * MINUTE).map(|v| c.body_timeout = v),
        |c| Some(show_duration(c.body_timeout)),
    ),
    key(
        "idle-timeout",
        Kind::Text,
        (
            "DURATION",
            "2m",
            "How long a connection may rest or leave an answer unread (100ms to 1h)",
        ),
        |c, t| parse::duration(t, BRIEF, 60 * MINUTE).map(|v| c.idle_timeout = v),
        |c| Some(show_duration(c.idle_timeout)),
    ),
    key(
        "max-connections",
        Kind::Number,
        ("N", "1024", "How many connections may be open at once (1 to 1000000)"),
        |c, text| parse::count(text, 1, 1_000_000).map(|value| c.max_connections = value),
        |c| Some(c.max_connections.to_string()),
    ),
    key(
        "queue-depth",
        Kind::Number,
        ("N", "1024", "How many commands may wait for the ledger (1 to 1000000)"),
        |c, text| parse::count(text, 1, 1_000_000).map(|value| c.queue_depth = value),
        |c| Some(c.queue_depth.to_string()),
    ),
    key(
        "batch-max",
        Kind::Number,
        ("N", "64", "How many commands one transaction carries at most (1 to 1024)"),
        |c, text| parse::count(text, 1, 1024).map(|value| c.batch_max = value),
        |c| Some(c.batch_max.to_string()),
    ),
    key(
        "ledger-workers",
        Kind::Number,
        ("N", "4", "Transactions at a time on PostgreSQL (1 to 8); SQLite has one"),
        |c, text| parse::count(text, 1, 8).map(|value| c.ledger_workers = value),
        |c| Some(c.ledger_workers.to_string()),
    ),
    key(
        "read-connections",
        Kind::Number,
        ("N", "8", "How many database connections serve reads (1 to 64)"),
        |c, text| parse::count(text, 1, 64).map(|value| c.read_connections = value),
        |c| Some(c.read_connections.to_string()),
    ),
    key(
        "run-migrations",
        Kind::Switch,
        ("BOOL", "true", "Apply missing migrations to PostgreSQL at the start; SQLite always does"),
        |c, text| parse::switch(text).map(|value| c.run_migrations = value),
        |c| Some(c.run_migrations.to_string()),
    ),
    key(
        "wait-for",
        Kind::Text,
        ("DURATION", "30s", "How long a start waits for engines that cannot be reached (up to 1h)"),
        |c, t| parse::duration(t, Duration::ZERO, 60 * MINUTE).map(|value| c.wait_for = value),
        |c| Some(show_duration(c.wait_for)),
    ),
    key(
        "cors-origins",
        Kind::Text,
        (
            "ORIGINS",
            "https://cinema.example",
            "Web origins that a browser may call from: `*` or a list with commas",
        ),
        |c, text| parse::cors(text).map(|value| c.cors_origins = value),
        |c| Some(c.cors_origins.to_string()),
    ),
    key(
        "currency",
        Kind::Text,
        (
            "CODE",
            "EUR",
            "Currency of all prices: a code of ISO 4217 whose minor unit is a hundredth",
        ),
        |c, text| parse::currency(text).map(|value| c.currency = value),
        |c| Some(c.currency.to_string()),
    ),
    key(
        "locale",
        Kind::Text,
        ("LOCALE", "en", "Language of messages when the client names none: pt-BR or en"),
        |c, text| parse::locale(text).map(|value| c.locale = value),
        |c| Some(c.locale.to_string()),
    ),
    key(
        "log-format",
        Kind::Text,
        ("FORMAT", "json", "Format of log lines: auto, pretty or json"),
        |c, text| parse::log_format(text).map(|value| c.log_format = value),
        |c| Some(c.log_format.to_string()),
    )
    .also(&[LOG_JSON]),
    key(
        "log-level",
        Kind::Text,
        (
            "LEVEL",
            "debug",
            "Level of the log: error, warn, info or debug; or a filter, as info,server=debug",
        ),
        |c, text| log_level::log_level(text).map(|value| c.log_level = value),
        |c| Some(c.log_level.clone()),
    )
    .also(&[Alias { name: "RUST_LOG", translate: |text| Ok(log_level::rust_log(text)) }]),
    key(
        "otlp-endpoint",
        Kind::Text,
        (
            "URL",
            "http://127.0.0.1:4318",
            "Base URL of an OTLP/HTTP collector of traces; without one, no traces",
        ),
        |c, text| parse::otlp_endpoint(text).map(|value| c.otlp_endpoint = value),
        |c| c.otlp_endpoint.clone(),
    )
    .also(&[plain("OTEL_EXPORTER_OTLP_ENDPOINT")]),
    key(
        "otlp-headers",
        Kind::Secret,
        (
            "HEADERS",
            "x-api-key=SECRET",
            "Headers that the collector requires: `name=value,name=value`",
        ),
        |c, text| parse::otlp_headers(text).map(|value| c.otlp_headers = value),
        |c| c.otlp_headers.as_ref().map(ToString::to_string),
    )
    .also(&[plain("OTEL_EXPORTER_OTLP_HEADERS")]),
    key(
        "otlp-sample-percent",
        Kind::Number,
        (
            "N",
            "100",
            "Traced requests in a hundred, of those whose caller does not decide (0 to 100)",
        ),
        |c, text| parse::percent(text).map(|value| c.otlp_sample_percent = value),
        |c| Some(c.otlp_sample_percent.to_string()),
    ),
    key(
        "ca-file",
        Kind::Text,
        ("FILE", "/etc/poltrona/ca.pem", "PEM file of authorities to trust beside the system's"),
        |c, text| parse::file(text).map(|value| c.ca_file = Some(value)),
        |c| c.ca_file.as_ref().map(|file| file.display().to_string()),
    ),
    key(
        "insecure",
        Kind::Switch,
        ("BOOL", "true", "Allow a host that other machines reach, though nobody is authenticated"),
        |c, text| parse::switch(text).map(|value| c.insecure = value),
        |c| Some(c.insecure.to_string()),
    ),
    key(
        "database-url",
        Kind::Secret,
        (
            "URL",
            "postgres://db/cinema",
            "`sqlite:DIR`, or `postgres://USER:PASSWORD@HOST/DATABASE`",
        ),
        |c, text| parse::database_url(text).map(|value| c.database_url = value),
        |c| c.database_url.as_ref().map(ToString::to_string),
    )
    .also(&[plain("DATABASE_URL")]),
    key(
        "redis-url",
        Kind::Secret,
        (
            "URL",
            "redis://127.0.0.1:6379",
            "Redis of the seat lock, which refuses taken seats early",
        ),
        |c, text| parse::redis_url(text).map(|value| c.redis_url = value),
        |c| c.redis_url.as_ref().map(ToString::to_string),
    )
    .also(&[plain("REDIS_URL")]),
    key(
        "redis-timeout",
        Kind::Text,
        (
            "DURATION",
            "20ms",
            "How long Redis may take before the database is asked instead (1ms to 10s)",
        ),
        |c, t| parse::duration(t, MILLI, 10_000 * MILLI).map(|value| c.redis_timeout = value),
        |c| Some(show_duration(c.redis_timeout)),
    ),
    key(
        "rabbitmq-url",
        Kind::Secret,
        (
            "URL",
            "amqp://127.0.0.1:5672",
            "The bus between instances: `amqp://USER:PASSWORD@HOST/VHOST`, or `amqps:`",
        ),
        |c, text| parse::rabbitmq_url(text).map(|value| c.rabbitmq_url = value),
        |c| c.rabbitmq_url.as_ref().map(ToString::to_string),
    )
    .also(&[plain("RABBITMQ_URL")]),
    key(
        "event-exchange",
        Kind::Switch,
        (
            "WHEN",
            "always",
            "Publish single events to RabbitMQ's exchange: `true` while queues are bound, `false`, \
             or `always`",
        ),
        |c, text| parse::single_events(text).map(|value| c.event_exchange = value),
        |c| Some(show_single_events(c.event_exchange).to_owned()),
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_and_every_example_is_a_value_of_its_key() {
        for key in KEYS {
            for text in key.default().into_iter().chain([key.example.to_owned()]) {
                let mut config = Config::default();
                assert_eq!((key.put)(&mut config, &text), Ok(()), "{} = {text}", key.name);
                let expected = if key.kind == Kind::Secret { "***" } else { &text };
                assert_eq!(key.show(&config).as_deref(), Some(expected), "{}", key.name);
            }
            assert_ne!(key.default().as_deref(), Some(key.example), "{}", key.name);
        }
    }

    #[test]
    fn names_are_kebab_case_and_no_two_keys_share_one_or_a_variable() {
        let mut variables: Vec<_> = KEYS.iter().flat_map(Key::variables).collect();
        let count = variables.len();
        variables.sort();
        variables.dedup();
        assert_eq!(variables.len(), count);
        for key in KEYS {
            assert!(key.name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'), "{}", key.name);
        }
        assert_eq!(find("hold-ttl").map(Key::variable).as_deref(), Some("POLTRONA_HOLD_TTL"));
    }
}
