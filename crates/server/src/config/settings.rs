//! Every setting with its value, as the rest of the program reads it.

use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use http::HeaderMap;
use poltrona_engine::bus::rabbitmq::SingleEvents;
use poltrona_engine::tls::{BadCertificates, Tls};

use super::broker;
use super::database::{Database, names_server};
use super::headers;
use super::value::{Cors, Currency, Locale, LogFormat, Secret};

/// Every setting, with its value decided.
///
/// [`Config::default`] has the values that hold when nothing sets them.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a separate switch with a name of its own"
)]
pub struct Config {
    /// The address to listen on. Anything but a loopback address needs
    /// [`insecure`](Self::insecure).
    pub host: IpAddr,
    /// The TCP port to listen on; 0 lets the system choose a free one.
    pub port: u16,
    /// The folder that holds the database; relative to the working directory.
    pub data_dir: PathBuf,
    /// Whether the data are in a temporary folder, which is deleted when the program ends.
    pub ephemeral: bool,
    /// Whether an empty database is filled with made-up films and sessions.
    pub demo: bool,
    /// How long a reservation holds its seats before they are free again: 100 ms to 24 h.
    pub hold_ttl: Duration,
    /// How long open requests may take to finish after SIGTERM.
    pub shutdown_grace: Duration,
    /// How long an answer may take, from the end of the request's header.
    pub request_timeout: Duration,
    /// How long a client may take to send a request's header.
    pub header_timeout: Duration,
    /// How long a client may take to send a request's body.
    pub body_timeout: Duration,
    /// How long a connection may stay open without a request, or leave an answer unread.
    pub idle_timeout: Duration,
    /// How many connections may be open at once.
    pub max_connections: usize,
    /// How many commands may wait for the ledger; one more is refused as overload.
    pub queue_depth: usize,
    /// How many commands one transaction carries at most: 1 to 1024.
    pub batch_max: usize,
    /// How many workers write to a database server, each with a connection of its own: 1 to 8.
    /// Embedded, there is always one.
    pub ledger_workers: usize,
    /// How many database connections serve reads: 1 to 64.
    pub read_connections: usize,
    /// Whether a start applies the migrations that a database server lacks. Embedded, it always
    /// does.
    pub run_migrations: bool,
    /// How long a start waits for engines that cannot be reached.
    pub wait_for: Duration,
    /// Which web origins a browser may call the API from.
    pub cors_origins: Cors,
    /// The currency of all prices.
    pub currency: Currency,
    /// The language of messages when the client asks for none.
    pub locale: Locale,
    /// The format of log lines.
    pub log_format: LogFormat,
    /// A level (`error`, `warn`, `info`, `debug`) or a filter such as `info,server=debug`.
    pub log_level: String,
    /// The base URL of the collector of traces; without one there are no traces.
    pub otlp_endpoint: Option<String>,
    /// The headers that a collector requires, such as a key; already checked, see
    /// [`otlp_headers`](Self::otlp_headers).
    pub otlp_headers: Option<Secret>,
    /// The percentage of requests that are traced where the caller does not decide: 0 to 100.
    pub otlp_sample_percent: u8,
    /// A PEM file of authorities to trust beside the system's, for every connection over TLS.
    pub ca_file: Option<PathBuf>,
    /// Whether other machines may call although nobody is authenticated.
    pub insecure: bool,
    /// `sqlite:DIR`, already applied to [`data_dir`](Self::data_dir), or `postgres:`.
    pub database_url: Option<Secret>,
    /// The Redis of the seat lock, which refuses taken seats early; without one the database
    /// refuses them.
    pub redis_url: Option<Secret>,
    /// How long Redis may take to answer before the database is asked instead: 1 ms to 10 s.
    pub redis_timeout: Duration,
    /// `amqp:` or `amqps:`, already checked; see [`rabbitmq`](Self::rabbitmq).
    pub rabbitmq_url: Option<Secret>,
    /// Which single events go to RabbitMQ's exchange, for other programs.
    pub event_exchange: SingleEvents,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            host: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: 3000,
            data_dir: PathBuf::from("./poltrona-data"),
            ephemeral: false,
            demo: false,
            hold_ttl: Duration::from_secs(30),
            shutdown_grace: Duration::from_secs(20),
            request_timeout: Duration::from_secs(10),
            header_timeout: Duration::from_secs(5),
            body_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_mins(1),
            max_connections: 8192,
            queue_depth: 4096,
            batch_max: 256,
            ledger_workers: 2,
            read_connections: 4,
            run_migrations: false,
            wait_for: Duration::ZERO,
            cors_origins: Cors::Any,
            currency: Currency::BRL,
            locale: Locale::PtBr,
            log_format: LogFormat::Auto,
            log_level: "info".to_owned(),
            otlp_endpoint: None,
            otlp_headers: None,
            otlp_sample_percent: 10,
            ca_file: None,
            insecure: false,
            database_url: None,
            redis_url: None,
            redis_timeout: Duration::from_millis(50),
            rabbitmq_url: None,
            event_exchange: SingleEvents::WhileBound,
        }
    }
}

impl Config {
    /// The defaults, on a port that the system chooses and with the data in `data_dir`.
    pub fn default_for_tests(data_dir: &Path) -> Self {
        Self { port: 0, data_dir: data_dir.to_path_buf(), ..Self::default() }
    }

    /// Where the data are kept.
    pub fn database(&self) -> Database {
        match self.database_url.as_ref().filter(|url| names_server(url.expose())) {
            Some(url) => Database::Server(url.clone()),
            None if self.ephemeral => Database::Ephemeral,
            None => Database::Folder(self.data_dir.clone()),
        }
    }

    /// The URL of the PostgreSQL server, if the data are on one.
    pub fn postgres(&self) -> Option<&str> {
        self.database_url.as_ref().map(Secret::expose).filter(|url| names_server(url))
    }

    /// The address of the RabbitMQ between instances, if one is set.
    pub fn rabbitmq(&self) -> Option<lapin::uri::AMQPUri> {
        broker::parse(self.rabbitmq_url.as_ref()?.expose()).ok()
    }

    /// The headers of each message to a collector.
    pub fn otlp_headers(&self) -> HeaderMap {
        let headers = self.otlp_headers.as_ref().map(|text| headers::parse(text.expose()));
        headers.and_then(Result::ok).unwrap_or_default()
    }

    /// The authorities that every connection over TLS trusts. Fails when the file of
    /// [`ca_file`](Self::ca_file) cannot be used.
    pub fn tls(&self) -> Result<Tls, BadCertificates> {
        self.ca_file.as_deref().map_or_else(|| Ok(Tls::system()), Tls::with_authorities)
    }

    /// The address by which a program on this machine reaches the server, without a final slash.
    ///
    /// A server that listens on every address is reached through the loopback one.
    pub fn base_url(&self) -> String {
        let host = match self.host {
            IpAddr::V4(host) if host.is_unspecified() => Ipv4Addr::LOCALHOST.to_string(),
            IpAddr::V4(host) => host.to_string(),
            IpAddr::V6(host) if host.is_unspecified() => "[::1]".to_owned(),
            IpAddr::V6(host) => format!("[{host}]"),
        };
        format!("http://{host}:{}", self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_on_every_address_is_reached_through_loopback() {
        let at =
            |host: &str| Config { host: host.parse().unwrap(), ..Config::default() }.base_url();
        assert_eq!(at("127.0.0.1"), "http://127.0.0.1:3000");
        assert_eq!(at("0.0.0.0"), "http://127.0.0.1:3000");
        assert_eq!(at("::"), "http://[::1]:3000");
        assert_eq!(at("fe80::1"), "http://[fe80::1]:3000");
    }
}
