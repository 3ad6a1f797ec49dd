//! Where the server is, from its URL, and how every connection to it is made.

use std::fmt;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_postgres::config::{Host, SslMode, TargetSessionAttrs};
use tokio_postgres::{Client, Config, SimpleQueryMessage};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::state::ServerState;
use super::timeline;
use crate::tls::Tls;

/// How long connecting to one host may take, in all.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// How long a host may take before the next is tried: for TCP, TLS, the start and its role together.
const HOST_TIMEOUT: Duration = Duration::from_secs(1);
/// How long sent data may stay unacknowledged before the connection counts as broken.
const TCP_USER_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a connection rests before the peer is asked whether it is still there.
const KEEPALIVE: Duration = Duration::from_secs(10);
/// How long the peer has to answer that, and how often it is asked before the connection counts as broken.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(2);
const KEEPALIVE_RETRIES: u32 = 3;

/// A server, the login, and the authorities to trust.
#[derive(Clone)]
pub struct Target {
    /// One for each host of the URL; at least one.
    hosts: Vec<Config>,
    /// Which of them answered last. Clones share it.
    good: Arc<AtomicUsize>,
    /// Its state, as far as known.
    pub(in crate::store) state: ServerState,
    trust: Tls,
    /// Whether the URL names the authorities to trust.
    names_trust: bool,
}

/// The fault of a URL. It never repeats the URL, which holds a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TargetError(String);

impl Target {
    /// Reads `postgres://user:password@host:port/database?sslmode=verify-full&sslrootcert=/ca.pem`.
    ///
    /// `sslmode` is `disable` (the default), or `require`, `verify-ca` or `verify-full`, which all
    /// three verify the server's certificate and name, by the authorities in `sslrootcert` or,
    /// without it, the system's or those of [`trusting`](Self::trusting). `allow` and `prefer`
    /// would not protect from an attacker who answers in the server's place, so they mean
    /// `disable`.
    ///
    /// Of several hosts (`h1:5432,h2:5432`) the one that takes writes is wanted, and each has a second to
    /// answer; `connect_timeout` gives it another limit.
    pub fn parse(url: &str) -> Result<Self, TargetError> {
        let (url, ca) = take_parameter(&with_plain_scheme(url), "sslrootcert");
        let (url, mode) = take_parameter(&url, "sslmode");
        let mode = match mode.as_deref() {
            None | Some("disable" | "allow" | "prefer") => SslMode::Disable,
            Some("require" | "verify-ca" | "verify-full") => SslMode::Require,
            Some(_) => {
                return Err(TargetError(
                    "sslmode is disable, require, verify-ca or verify-full".to_owned(),
                ));
            }
        };
        let (url, role) = take_parameter(&url, "target_session_attrs");
        let role = match role.as_deref() {
            None | Some("read-write" | "primary") => TargetSessionAttrs::ReadWrite,
            Some("any") => TargetSessionAttrs::Any,
            Some(_) => {
                return Err(TargetError(
                    "target_session_attrs is read-write, primary or any".to_owned(),
                ));
            }
        };
        let urls = each_host(&url)?;
        let role = if urls.len() > 1 { role } else { TargetSessionAttrs::Any };
        let hosts = urls.iter().map(|url| config(url, mode, role)).collect::<Result<_, _>>()?;
        let trust = match &ca {
            Some(file) => Tls::only_authorities(Path::new(file))
                .map_err(|error| TargetError(format!("sslrootcert {error}")))?,
            None => Tls::system(),
        };
        Ok(Self {
            hosts,
            good: Arc::default(),
            state: ServerState::default(),
            trust,
            names_trust: ca.is_some(),
        })
    }

    /// This server, trusted by `tls` unless its URL names the authorities to trust.
    #[must_use]
    pub fn trusting(mut self, tls: &Tls) -> Self {
        if !self.names_trust {
            self.trust = tls.clone();
        }
        self
    }

    /// Encrypts a connection, where the URL asks for it.
    pub(super) fn tls(&self) -> MakeRustlsConnect {
        MakeRustlsConnect::new((*self.trust.config()).clone())
    }

    /// Opens a connection to the first host that answers, beginning with the one that did so last.
    pub fn connect(&self) -> BoxFuture<'_, Result<Client, tokio_postgres::Error>> {
        Box::pin(async move { self.open().await.map(|(client, _)| client) })
    }

    /// Like [`connect`](Self::connect); gives also the task of the current runtime that drives the
    /// connection while its client lives.
    pub(super) fn open(&self) -> BoxFuture<'_, Opening> {
        Box::pin(async move {
            let (count, first) = (self.hosts.len(), self.good.load(Ordering::Relaxed));
            for place in (first..first + count - 1).map(|place| place % count) {
                if let Ok(Some(opened)) = timeout(self.limit(place), self.open_newest(place)).await
                {
                    return Ok(opened);
                }
            }
            // The last is tried without a limit or a check: the caller has a limit, and reports
            // what is wrong with a server that was replaced.
            let last = (first + count - 1) % count;
            let opened = self.open_on(last).await?;
            self.good.store(last, Ordering::Relaxed);
            Ok(opened)
        })
    }

    /// A connection to a host, unless its server was replaced.
    async fn open_newest(&self, place: usize) -> Option<(Client, JoinHandle<()>)> {
        let opened = self.open_on(place).await.ok()?;
        let read = format!("SELECT {}", timeline::LOG_FILE);
        let rows = opened.0.simple_query(&read).await.ok()?;
        let log_file = rows.iter().find_map(|message| match message {
            SimpleQueryMessage::Row(row) => row.get(0),
            _ => None,
        });
        self.state.timeline.saw(log_file?).ok()?;
        self.good.store(place, Ordering::Relaxed);
        Some(opened)
    }

    async fn open_on(&self, place: usize) -> Opening {
        Self::open_by(&self.hosts[place], self.tls()).await
    }

    async fn open_by(config: &Config, tls: MakeRustlsConnect) -> Opening {
        let (client, connection) = config.connect(tls).await?;
        #[expect(
            clippy::disallowed_methods,
            reason = "it ends with the client that it serves, and has nothing to finish"
        )]
        let driving = tokio::spawn(async move {
            // Its client reports a broken connection to its users.
            let _ = connection.await;
        });
        Ok((client, driving))
    }

    /// The places of the hosts.
    pub(super) fn hosts(&self) -> std::ops::Range<usize> {
        0..self.hosts.len()
    }

    /// A connection to this host in any role; `None` when it does not answer in its time.
    pub(super) async fn connect_to(&self, place: usize) -> Option<Client> {
        let mut config = self.hosts[place].clone();
        config.target_session_attrs(TargetSessionAttrs::Any);
        let opened = timeout(self.limit(place), Self::open_by(&config, self.tls())).await;
        opened.ok()?.ok().map(|(client, _)| client)
    }

    /// How long connecting to a host may take where there are others.
    fn limit(&self, place: usize) -> Duration {
        self.hosts[place].get_connect_timeout().copied().unwrap_or(HOST_TIMEOUT)
    }

    /// How long connecting may take in all: each host has its time, and the last one more.
    pub fn connect_timeout(&self) -> Duration {
        // The URL gives all hosts one limit.
        let (limit, others) = (self.limit(0), u32::try_from(self.hosts.len() - 1));
        let last = CONNECT_TIMEOUT.max(limit);
        last.saturating_add(limit.saturating_mul(others.unwrap_or(u32::MAX)))
    }

    /// Whether this host answered last.
    pub(super) fn is_in_use(&self, place: usize) -> bool {
        self.good.load(Ordering::Relaxed) == place
    }

    /// Uses this host from now on, and no connection from before.
    pub(super) fn move_to(&self, place: usize) {
        self.good.store(place, Ordering::Relaxed);
        self.state.silence.moved();
    }

    /// Whether traffic to the server, passwords included, crosses a network unencrypted.
    pub fn is_overheard(&self) -> bool {
        let is_here = |host: &Host| match host {
            Host::Tcp(name) => {
                name == "localhost" || name.parse().is_ok_and(|host: IpAddr| host.is_loopback())
            }
            Host::Unix(_) => true,
        };
        let crosses = |host: &Config| {
            host.get_ssl_mode() == SslMode::Disable && !host.get_hosts().iter().all(is_here)
        };
        self.hosts.iter().any(crosses)
    }

    /// The host that answered last, its port and the database, for people. Without the password.
    pub fn describe(&self) -> String {
        let place = self.good.load(Ordering::Relaxed);
        let database = self.hosts[place].get_dbname().unwrap_or_default();
        format!("{}/{database}", self.name(place))
    }

    /// A host's name and port.
    pub(super) fn name(&self, place: usize) -> String {
        let config = &self.hosts[place];
        let host = match config.get_hosts().first() {
            Some(Host::Tcp(name)) => name.clone(),
            Some(Host::Unix(path)) => path.display().to_string(),
            None => String::new(),
        };
        let port = config.get_ports().first().copied().unwrap_or(5432);
        format!("{host}:{port}")
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Target({})", self.describe())
    }
}

/// A connection and the task that drives it.
type Opening = Result<(Client, JoinHandle<()>), tokio_postgres::Error>;

/// The URL of each host that a URL names: `p://u@a:1,b:2/d` is `p://u@a:1/d` and `p://u@b:2/d`.
fn each_host(url: &str) -> Result<Vec<String>, TargetError> {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    if !authority.contains('@') && path.contains('@') {
        // The client finds the host behind the last @, and would take the path for a part of the password.
        return Err(TargetError(
            "an @ stands behind a / or ?; in a password write %2F for /, %3F for ? and %40 for @"
                .to_owned(),
        ));
    }
    if authority.matches('@').count() > 1 {
        // The client would take the rest of the password for a host, and show it.
        return Err(TargetError("it has two @; in a password write %40".to_owned()));
    }
    let (user, hosts) = authority
        .rsplit_once('@')
        .map_or(("", authority), |(_, hosts)| authority.split_at(authority.len() - hosts.len()));
    Ok(hosts.split(',').map(|host| format!("{scheme}://{user}{host}{path}")).collect())
}

/// How connections to one host are made.
fn config(url: &str, mode: SslMode, role: TargetSessionAttrs) -> Result<Config, TargetError> {
    let mut config: Config = url.parse().map_err(|error: tokio_postgres::Error| {
        let why = std::error::Error::source(&error).map(ToString::to_string);
        let why = why.unwrap_or_else(|| error.to_string());
        TargetError(format!("not a URL such as postgres://user@host:5432/database: {why}"))
    })?;
    if config.get_hosts().len() > 1 || config.get_ports().len() > 1 {
        return Err(TargetError(
            "several hosts stand in the place of one: postgres://h1:5432,h2:5432/database"
                .to_owned(),
        ));
    }
    if config.get_hosts().is_empty() {
        return Err(TargetError("it names no host".to_owned()));
    }
    config
        .ssl_mode(mode)
        .target_session_attrs(role)
        .tcp_user_timeout(TCP_USER_TIMEOUT)
        .keepalives_idle(KEEPALIVE)
        .keepalives_interval(KEEPALIVE_INTERVAL)
        .keepalives_retries(KEEPALIVE_RETRIES);
    if config.get_application_name().is_none() {
        config.application_name("poltrona");
    }
    Ok(config)
}

/// The URL with its scheme in lower case, which the client's parser insists on (RFC 3986, 3.1, does not).
fn with_plain_scheme(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    format!("{}://{rest}", scheme.to_ascii_lowercase())
}

/// Takes a parameter out of a URL's query.
fn take_parameter(url: &str, name: &str) -> (String, Option<String>) {
    let Some((base, query)) = url.split_once('?') else { return (url.to_owned(), None) };
    let mut value = None;
    let rest: Vec<_> = query
        .split('&')
        .filter(|pair| match pair.split_once('=') {
            Some((key, text)) if key == name => {
                let text = percent_encoding::percent_decode_str(text).decode_utf8_lossy();
                value = Some(text.into_owned());
                false
            }
            _ => !pair.is_empty(),
        })
        .collect();
    if rest.is_empty() {
        (base.to_owned(), value)
    } else {
        (format!("{base}?{}", rest.join("&")), value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_server_database_and_trust() {
        let target =
            Target::parse("postgres://ana:secret@db.example:6432/cinema?sslmode=verify-full");
        let target = target.unwrap();
        assert_eq!(target.describe(), "db.example:6432/cinema");
        assert_eq!(target.hosts[0].get_ssl_mode(), SslMode::Require);
        assert_eq!(format!("{target:?}"), "Target(db.example:6432/cinema)");
    }

    #[test]
    fn of_several_hosts_each_is_tried_and_the_one_that_takes_writes_is_wanted() {
        let target = |url| Target::parse(url).unwrap();
        let several = target("postgres://u:p%40@a:1,[::1]:2,c/d?connect_timeout=5");
        let hosts: Vec<_> =
            several.hosts.iter().map(|it| (it.get_hosts(), it.get_ports())).collect();
        let name = |name: &str| Host::Tcp(name.to_owned());
        assert_eq!(hosts[0], (&[name("a")][..], &[1][..]));
        assert_eq!(hosts[1], (&[name("::1")][..], &[2][..]));
        assert_eq!(hosts[2].0, &[name("c")]);
        assert!(several.hosts.iter().all(|it| {
            it.get_target_session_attrs() == TargetSessionAttrs::ReadWrite
                && it.get_connect_timeout() == Some(&Duration::from_secs(5))
                && it.get_password() == Some(b"p@")
        }));
        let of = |url| target(url).hosts[0].get_target_session_attrs();
        assert_eq!(
            of("postgres://a,b/d?target_session_attrs=primary"),
            TargetSessionAttrs::ReadWrite
        );
        assert_eq!(of("postgres://a,b/d?target_session_attrs=any"), TargetSessionAttrs::Any);
        assert_eq!(of("postgres://a/d"), TargetSessionAttrs::Any);
        assert!(Target::parse("postgres://a,b/d?target_session_attrs=standby").is_err());
        assert_eq!(several.connect_timeout(), Duration::from_secs(15));
        assert_eq!(target("postgres://a,b/d").connect_timeout(), Duration::from_secs(4));
        assert_eq!(target("postgres://a/d").connect_timeout(), Duration::from_secs(3));
    }

    #[test]
    fn only_what_leaves_the_machine_unencrypted_is_overheard() {
        let is_overheard = |url: &str| Target::parse(url).unwrap().is_overheard();
        assert!(is_overheard("postgres://db.example/cinema"));
        assert!(is_overheard("postgres://127.0.0.1,10.0.0.7/cinema"));
        assert!(!is_overheard("postgres://db.example/cinema?sslmode=verify-full"));
        assert!(!is_overheard("postgres://localhost/cinema"));
        assert!(!is_overheard("postgres://[::1]/cinema"));
    }

    #[test]
    fn a_url_error_does_not_show_the_password() {
        for url in [
            "postgres://ana:secret@h/d?sslmode=maybe",
            "postgres://ana:secret@h/d?sslrootcert=/nowhere.pem",
            "postgres://ana:secret@h/d?colour=blue",
            "postgres://ana:se@secret@h/d",
            "postgres://ana:secret/x@h1,h2/d",
            "postgres://ana:secret?x@h/d",
            "postgres://ana:secret@h/d?host=a,b&port=1,2",
            "postgres:///d",
        ] {
            let error = Target::parse(url).unwrap_err().to_string();
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
