//! Tests of resolution, with made-up flags, variables and files.

use std::net::IpAddr;
use std::time::Duration;

use super::super::{Cors, Database, Locale, LogFormat, Secret, show};
use super::*;

/// A made-up machine to resolve a configuration on.
#[derive(Default)]
struct Machine {
    flags: Flags,
    variables: Vec<(String, String)>,
    files: BTreeMap<PathBuf, String>,
}

impl Machine {
    fn flag(mut self, name: &'static str, value: &str) -> Self {
        self.flags.insert(name, value.to_owned());
        self
    }

    fn env(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    fn file(mut self, path: &str, text: &str) -> Self {
        self.files.insert(path.into(), text.to_owned());
        self
    }

    fn resolve(self) -> Result<Resolved, ConfigError> {
        resolve(&Inputs {
            flags: self.flags,
            environment: self.variables.into_iter().collect(),
            read: &|path| self.files.get(path).cloned().ok_or(io::ErrorKind::NotFound.into()),
        })
    }

    fn config(self) -> Config {
        self.resolve().unwrap().config
    }

    /// The faults, one a line.
    fn faults(self) -> String {
        let faults = self.resolve().unwrap_err().faults;
        faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    }
}

fn machine() -> Machine {
    Machine::default()
}

fn origin(resolved: &Resolved, name: &str) -> String {
    resolved.settings.iter().find(|s| s.key.name == name).unwrap().origin.to_string()
}

#[test]
fn given_nothing_everything_has_its_default() {
    let resolved = machine().resolve().unwrap();
    assert_eq!(resolved.config, Config::default());
    assert!(resolved.settings.iter().all(|setting| setting.origin == Origin::Default));
    assert_eq!(resolved.file, None);
    assert!(resolved.colours);
}

#[test]
fn flag_beats_variable_beats_file_beats_default() {
    let given = || machine().file("poltrona.toml", "# first\nport = 4\n");
    let port = |machine: Machine| {
        let resolved = machine.resolve().unwrap();
        (resolved.config.port, origin(&resolved, "port"))
    };
    assert_eq!(port(given()), (4, "file poltrona.toml:2".to_owned()));
    let given = || given().env("PORT", "3");
    assert_eq!(port(given()), (3, "env PORT".to_owned()));
    let given = || given().env("POLTRONA_PORT", "2");
    assert_eq!(port(given()), (2, "env POLTRONA_PORT".to_owned()));
    let given = || given().flag("port", "1");
    assert_eq!(port(given()), (1, "flag --port".to_owned()));
}

#[test]
fn the_file_may_be_named_and_must_then_exist() {
    let files = || {
        machine().file("poltrona.toml", "port = 1").file("/a", "port = 2").file("/b", "port = 3")
    };
    assert_eq!(files().env("POLTRONA_CONFIG", "/a").config().port, 2);
    assert_eq!(files().env("POLTRONA_CONFIG", "/a").flag("config", "/b").config().port, 3);
    let faults = files().flag("config", "/c").faults();
    assert!(
        faults.starts_with("the file `/c` (from flag --config): it cannot be read"),
        "{faults}"
    );
}

#[test]
fn every_key_can_be_set_in_every_way() {
    for key in KEYS.iter().filter(|key| key.kind != Kind::Secret) {
        let given =
            || if key.name == "host" { machine().flag("insecure", "true") } else { machine() };
        let seen = |machine: Machine| key.show(&machine.config()).unwrap();
        let line = format!("{} = {}", key.name, key.in_toml(key.example));
        assert_eq!(seen(given().flag(key.name, key.example)), key.example);
        assert_eq!(seen(given().env(&key.variable(), key.example)), key.example);
        assert_eq!(seen(given().file("poltrona.toml", &line)), key.example);
    }
}

#[test]
fn values_of_the_file_keep_their_toml_types() {
    let text = "cors-origins = ['https://a.example', 'https://b.example']\ndemo = true\n\
                max-connections = 1_000\nhold-ttl = '500ms'\nlocale = 'en'";
    let config = machine().file("poltrona.toml", text).config();
    let origins = vec!["https://a.example".to_owned(), "https://b.example".to_owned()];
    assert_eq!(config.cors_origins, Cors::List(origins));
    assert!(config.demo);
    assert_eq!(config.max_connections, 1000);
    assert_eq!(config.hold_ttl, Duration::from_millis(500));
    assert_eq!(config.locale, Locale::En);
    let faults = machine().file("poltrona.toml", "\nport = 1.5").faults();
    assert_eq!(faults, "poltrona.toml:2: port cannot be a float. Write `port = 8080`.");
}

#[test]
fn all_faults_are_reported_at_once_each_with_its_origin() {
    let faults = machine()
        .flag("port", "x")
        .env("POLTRONA_HOLD_TTL", "30")
        .env("POLTRONA_HOLD_TLL", "30s")
        .file("poltrona.toml", "hold_ttl = '3s'\nbatch-max = 0\n")
        .faults();
    let expected = "\
the variable POLTRONA_HOLD_TLL: there is no such setting. Did you mean POLTRONA_HOLD_TTL?
poltrona.toml:1: there is no setting `hold_ttl`. Did you mean `hold-ttl`?
port = x (from flag --port): it is not a whole number from 0 to 65535. Write a port such as `3000`.
hold-ttl = 30 (from env POLTRONA_HOLD_TTL): it is not a whole number with a unit. \
Write it as `500ms`, `3s`, `2m` or `1h`.
batch-max = 0 (from file poltrona.toml:2): it is not a whole number from 1 to 1024. \
Write digits only, without a unit.";
    assert_eq!(faults, expected);
}

#[test]
fn a_file_that_is_not_toml_is_reported_by_line_and_not_by_text() {
    let faults = machine().file("poltrona.toml", "port = 1\nredis-url = canary\n").faults();
    assert!(faults.starts_with("poltrona.toml:2: it is not TOML ("), "{faults}");
    assert!(!faults.contains("canary"), "{faults}");
}

#[test]
fn values_cannot_forge_a_line_of_the_report() {
    let faults = machine().env("POLTRONA_PORT", "1\n  all is fine\u{1b}[2K").faults();
    assert!(faults.starts_with("port = 1\\n  all is fine\\u{1b}[2K (from"), "{faults}");
    assert_eq!(faults.lines().count(), 1);
}

#[test]
fn log_json_and_rust_log_yield_to_their_own_variables() {
    assert_eq!(machine().env("LOG_JSON", "true").config().log_format, LogFormat::Json);
    let quiet = machine().env("LOG_JSON", "false").file("poltrona.toml", "log-format = 'pretty'");
    assert_eq!(quiet.config().log_format, LogFormat::Pretty);
    let own = machine().env("LOG_JSON", "true").env("POLTRONA_LOG_FORMAT", "auto");
    assert_eq!(own.config().log_format, LogFormat::Auto);
    assert!(machine().env("LOG_JSON", "maybe").faults().contains("(from env LOG_JSON)"));
    assert_eq!(machine().env("RUST_LOG", "warn,a=debug").config().log_level, "warn");
    assert_eq!(machine().env("RUST_LOG", "a=debug").config().log_level, "info");
    let own = machine().env("POLTRONA_LOG_LEVEL", "warn,a=debug");
    assert!(own.faults().contains("nothing logs under the name a"));
    let own = machine().env("RUST_LOG", "warn").env("POLTRONA_LOG_LEVEL", "error");
    assert_eq!(own.config().log_level, "error");
}

#[test]
fn an_empty_variable_is_unset_unless_it_is_ours() {
    let empty = machine().env("PORT", "").env("REDIS_URL", "").env("REDIS_URL_FILE", "");
    assert_eq!(empty.config(), Config::default());
    for key in KEYS {
        assert!(machine().env(&key.variable(), "").resolve().is_err(), "{}", key.name);
    }
}

#[test]
fn service_links_of_kubernetes_are_named_as_such() {
    let faults = machine()
        .env("POLTRONA_SERVICE_HOST", "10.0.0.1")
        .env("POLTRONA_PORT_3000_TCP", "tcp://10.0.0.1:3000")
        .env("POLTRONA_PORT", "tcp://10.0.0.1:3000")
        .faults();
    assert_eq!(faults.matches("enableServiceLinks").count(), 2, "{faults}");
}

#[test]
fn other_machines_are_let_in_only_on_purpose() {
    let faults = machine().flag("host", "0.0.0.0").faults();
    assert!(faults.starts_with("host = 0.0.0.0 (from flag --host): other machines"), "{faults}");
    assert!(faults.contains("authenticates nobody") && faults.contains("--insecure"), "{faults}");
    for host in ["127.0.0.9", "::1", "::ffff:127.0.0.1"] {
        assert_eq!(machine().flag("host", host).config().host, host.parse::<IpAddr>().unwrap());
    }
    assert!(machine().flag("host", "::").env("POLTRONA_INSECURE", "true").config().insecure);
    let slip = machine().flag("host", "::").env("POLTRONA_INSECURE", "ture").faults();
    assert_eq!(slip.lines().count(), 1, "{slip}");
}

#[test]
fn ephemeral_data_have_no_folder_of_their_own() {
    let resolved = machine().flag("ephemeral", "true").resolve().unwrap();
    assert_eq!(machine().file("poltrona.toml", &show(&resolved, false)).config(), resolved.config);
    assert_eq!(resolved.config.database(), Database::Ephemeral);
    let given = || machine().flag("ephemeral", "true");
    let faults = given().file("poltrona.toml", "data-dir = 'd'").faults();
    assert!(faults.contains("data-dir (from file poltrona.toml:1) asks for a folder"), "{faults}");
    let faults = given().env("DATABASE_URL", "sqlite:d").faults();
    assert!(faults.contains("database-url (from env DATABASE_URL) asks"), "{faults}");
}

#[test]
fn a_sqlite_url_stands_for_the_data_folder() {
    for url in ["sqlite:./d", "sqlite://./d", "SQLite:./d"] {
        let resolved = machine().env("DATABASE_URL", url).resolve().unwrap();
        assert_eq!(resolved.config.data_dir, Path::new("./d"));
        assert_eq!(origin(&resolved, "data-dir"), "env DATABASE_URL");
    }
    let absolute = machine().env("DATABASE_URL", "sqlite:///srv/d").config();
    assert_eq!(absolute.data_dir, Path::new("/srv/d"));
    machine().env("DATABASE_URL", "sqlite:d").flag("data-dir", "./d/").config();
    let faults = machine().env("DATABASE_URL", "sqlite:d").flag("data-dir", "e").faults();
    assert!(faults.contains("data-dir (from flag --data-dir) names another folder"), "{faults}");
    for url in ["sqlite:", "sqlite::memory:", "sqlite:d?mode=rw", "mysql://h/d", "d"] {
        assert!(machine().env("DATABASE_URL", url).resolve().is_err(), "{url}");
    }
}

#[test]
fn a_demo_holds_long_enough_to_read_unless_hold_ttl_is_set() {
    let hold = |machine: Machine| machine.config().hold_ttl;
    assert_eq!(hold(machine().flag("demo", "true")), Duration::from_mins(5));
    assert_eq!(
        hold(machine().flag("demo", "true").flag("hold-ttl", "30s")),
        Duration::from_secs(30)
    );
    assert_eq!(hold(machine()), Duration::from_secs(30));
}

#[test]
fn a_postgres_url_is_a_place_of_its_own() {
    for url in ["postgres://u:canary@db/p", "PostgreSQL://u:canary@db/p"] {
        let config = machine().env("DATABASE_URL", url).config();
        assert_eq!(config.database(), Database::Server(Secret::new(url)));
        assert_eq!(config.postgres(), Some(url));
        let given = || machine().env("DATABASE_URL", url);
        for (key, value) in [("data-dir", "d"), ("ephemeral", "true")] {
            let faults = given().flag(key, value).faults();
            assert!(faults.contains(&format!("{key} (from flag --{key})")), "{faults}");
            assert!(faults.contains("keeps the data elsewhere"), "{faults}");
            assert!(!faults.contains("canary"), "{faults}");
        }
    }
    let config = machine().config();
    assert_eq!(config.database(), Database::Folder(config.data_dir.clone()));
    assert_eq!(config.postgres(), None);
}

#[test]
fn a_broker_that_cannot_be_one_is_refused_without_its_password() {
    let config = machine().env("RABBITMQ_URL", "amqp://u:p@mq/cinema").config();
    assert_eq!(config.rabbitmq().map(|uri| uri.vhost).as_deref(), Some("cinema"));
    for url in ["http://u:canary@mq", "amqp://u:canary@mq:x/cinema"] {
        let faults = machine().env("RABBITMQ_URL", url).faults();
        assert!(faults.contains("rabbitmq-url") && faults.contains("amqp://USER"), "{faults}");
        assert!(!faults.contains("canary"), "{faults}");
    }
}

#[test]
fn a_url_of_redis_is_read_and_never_shown() {
    for url in [
        "redis://cache",
        "redis://:canary@cache:6380/3",
        "redis://box:can%2Fary@[::1]:6379",
        "REDISS://box:canary@cache.example",
    ] {
        let config = machine().env("REDIS_URL", url).config();
        assert_eq!(config.redis_url.as_ref().map(Secret::expose), Some(url));
    }
    for (url, why) in [
        ("canary", "it is not a `redis://` or `rediss://` URL"),
        ("http://canary@cache", "it is not a `redis://` or `rediss://` URL"),
        ("unix:///canary", "it is not a `redis://` or `rediss://` URL"),
        ("redis://", "host, port or database cannot be read"),
        ("redis://:canary@cache:port", "host, port or database cannot be read"),
        ("redis://:canary@cache/films", "host, port or database cannot be read"),
        ("redis://:canary@cache/-1", "host, port or database cannot be read"),
        ("rediss://:canary@cache#insecure", "it has options after `?` or `#`"),
        ("redis://:can?ary@cache", "it has options after `?` or `#`"),
    ] {
        let faults = machine().env("REDIS_URL", url).faults();
        assert!(faults.starts_with("redis-url (from env REDIS_URL): "), "{faults}");
        assert!(faults.contains(why) && !faults.contains("ary"), "{url}: {faults}");
    }
}

#[test]
fn a_secret_may_stand_in_a_file_and_shows_nowhere() {
    let given = || machine().env("DATABASE_URL_FILE", "/run/s").file("/run/s", "sqlite:canary\n");
    let resolved = given().resolve().unwrap();
    assert_eq!(resolved.config.data_dir, Path::new("canary"));
    assert_eq!(origin(&resolved, "database-url"), "env DATABASE_URL_FILE (/run/s)");
    assert!(show(&resolved, true).contains("database-url = \"***\""));
    assert!(!format!("{:?}", resolved.config.database_url).contains("canary"));

    let twice = given().env("DATABASE_URL", "sqlite:canary").faults();
    assert!(twice.contains("there are two values") && !twice.contains("canary"), "{twice}");
    let missing = machine().env("REDIS_URL_FILE", "/none").faults();
    assert!(missing.contains("env REDIS_URL_FILE (/none)): the file cannot be read"), "{missing}");
    let refused = machine().env("RABBITMQ_URL_FILE", "/s").file("/s", "canary").faults();
    assert!(
        refused.contains("not the URL of a RabbitMQ") && !refused.contains("canary"),
        "{refused}"
    );
    assert!(machine().env("POLTRONA_PORT_FILE", "/s").resolve().is_err(), "a port is no secret");
}

#[test]
fn shown_settings_are_a_file_with_the_same_values() {
    let given = machine().flag("hold-ttl", "90s").env("PORT", "81").env("NO_COLOR", "1");
    let resolved = given.resolve().unwrap();
    assert!(!resolved.colours);
    let shown = show(&resolved, true);
    assert!(shown.contains("hold-ttl = \"90s\"") && shown.contains("# flag --hold-ttl"), "{shown}");
    assert!(shown.contains("# env PORT") && shown.contains("# default"), "{shown}");
    // The file sets every default explicitly, which changes no value.
    assert_eq!(machine().file("poltrona.toml", &shown).config(), resolved.config);
    assert_eq!(show(&resolved, false).lines().next(), Some("host = \"127.0.0.1\""));
}

/// The example file that the repository ships.
const EXAMPLE: &str = include_str!("../../../../../poltrona.toml");

#[test]
fn the_example_file_lists_every_key_with_its_default_and_sets_nothing() {
    let assigned: Vec<&str> = EXAMPLE
        .lines()
        .filter_map(|line| line.strip_prefix('#'))
        .filter(|line| !line.starts_with(' ') && line.contains(" = "))
        .collect();
    let names: Vec<&str> = assigned.iter().filter_map(|line| line.split(" = ").next()).collect();
    assert_eq!(names, KEYS.iter().map(|key| key.name).collect::<Vec<_>>());
    for (key, line) in KEYS.iter().zip(&assigned) {
        let value = key.default().unwrap_or_default();
        assert_eq!(*line, format!("{} = {}", key.name, key.in_toml(&value)));
    }
    let as_shipped = machine().file("poltrona.toml", EXAMPLE).resolve().unwrap();
    assert!(as_shipped.settings.iter().all(|setting| setting.origin == Origin::Default));
}

#[test]
fn the_example_file_uncommented_sets_the_defaults() {
    let text: String = EXAMPLE
        .lines()
        .map(|line| line.strip_prefix('#').filter(|rest| !rest.starts_with(' ')).unwrap_or(line))
        .flat_map(|line| [line, "\n"])
        .collect();
    assert_eq!(machine().file("poltrona.toml", &text).config(), Config::default());
}
