//! Where the server is, from its URL, and how every connection to it is made.

use std::fmt;
use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::{Client, Config};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::tls::Tls;

/// How long connecting may take, in all.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// How long sent data may stay unacknowledged before the connection counts as broken.
const TCP_USER_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a connection rests before the peer is asked whether it is still there.
const KEEPALIVE: Duration = Duration::from_secs(10);

/// A server, and what it takes to be let in.
#[derive(Clone)]
pub struct Target {
    pub(super) config: Config,
    trust: Tls,
    /// Whether the URL names the authorities to trust.
    names_trust: bool,
}

/// What is wrong with a URL. It never repeats it, for it holds a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TargetError(String);

impl Target {
    /// Reads `postgres://user:password@host:port/database?sslmode=verify-full&sslrootcert=/ca.pem`.
    ///
    /// `sslmode` is `disable` (the default), or `require`, `verify-ca` or `verify-full`, which all three
    /// verify the server's certificate and name, by the authorities in `sslrootcert` or, without it,
    /// the system's or those of [`trusting`](Self::trusting). `allow` and `prefer` would protect from
    /// nobody who can answer in the server's place, so they are what they can be relied on for: no TLS.
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
        let authority = url.split_once("://").map_or("", |(_, rest)| rest);
        let authority = authority.split(['/', '?']).next().unwrap_or_default();
        if authority.matches('@').count() > 1 {
            // The client would take the rest of the password for a host, and show it.
            return Err(TargetError("it has two @; in a password write %40".to_owned()));
        }
        let mut config: Config = url.parse().map_err(|error: tokio_postgres::Error| {
            let why = std::error::Error::source(&error).map(ToString::to_string);
            let why = why.unwrap_or_else(|| error.to_string());
            TargetError(format!("not a URL such as postgres://user@host:5432/database: {why}"))
        })?;
        if config.get_hosts().is_empty() {
            return Err(TargetError("it names no host".to_owned()));
        }
        config
            .ssl_mode(mode)
            .connect_timeout(CONNECT_TIMEOUT)
            .tcp_user_timeout(TCP_USER_TIMEOUT)
            .keepalives_idle(KEEPALIVE);
        if config.get_application_name().is_none() {
            config.application_name("poltrona");
        }
        let trust = match &ca {
            Some(file) => Tls::only_authorities(Path::new(file))
                .map_err(|error| TargetError(format!("sslrootcert {error}")))?,
            None => Tls::system(),
        };
        Ok(Self { config, trust, names_trust: ca.is_some() })
    }

    /// The same server, trusted by `tls` unless its URL names the authorities to trust.
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

    /// Opens a connection, which is driven by a task of the current runtime for as long as its client
    /// lives.
    pub fn connect(&self) -> BoxFuture<'_, Result<Client, tokio_postgres::Error>> {
        Box::pin(async move {
            let (client, connection) = self.config.connect(self.tls()).await?;
            #[expect(
                clippy::disallowed_methods,
                reason = "it ends with the client that it serves, and has nothing to finish"
            )]
            tokio::spawn(async move {
                // Its client reports a broken connection to its users.
                let _ = connection.await;
            });
            Ok(client)
        })
    }

    /// Whether what is said to the server, passwords among it, crosses a network for all to read.
    pub fn is_overheard(&self) -> bool {
        let is_here = |host: &Host| match host {
            Host::Tcp(name) => {
                name == "localhost" || name.parse().is_ok_and(|host: IpAddr| host.is_loopback())
            }
            Host::Unix(_) => true,
        };
        self.config.get_ssl_mode() == SslMode::Disable
            && !self.config.get_hosts().iter().all(is_here)
    }

    /// The host, port and database, for people. Without the password.
    pub fn describe(&self) -> String {
        let host = match self.config.get_hosts().first() {
            Some(Host::Tcp(name)) => name.clone(),
            Some(Host::Unix(path)) => path.display().to_string(),
            None => String::new(),
        };
        let port = self.config.get_ports().first().copied().unwrap_or(5432);
        format!("{host}:{port}/{}", self.config.get_dbname().unwrap_or_default())
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Target({})", self.describe())
    }
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
        assert_eq!(target.config.get_ssl_mode(), SslMode::Require);
        assert_eq!(format!("{target:?}"), "Target(db.example:6432/cinema)");
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
    fn what_is_wrong_with_a_url_is_said_without_its_password() {
        for url in [
            "postgres://ana:secret@h/d?sslmode=maybe",
            "postgres://ana:secret@h/d?sslrootcert=/nowhere.pem",
            "postgres://ana:secret@h/d?colour=blue",
            "postgres://ana:se@secret@h/d",
            "postgres:///d",
        ] {
            let error = Target::parse(url).unwrap_err().to_string();
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
