//! A private Redis, which keeps nothing when it ends.

use std::path::{Path, PathBuf};

use redis::{Client, Cmd, FromRedisValue};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::certificate::Certificate;
use super::port::Port;
use super::server::Server;

/// A Redis that a test may harm.
pub struct Redis {
    server: Server,
    port: Port,
    /// The user and the password of its URL, with the `@`.
    login: String,
    tls: Option<(Port, Certificate)>,
}

impl Redis {
    /// One without a password.
    pub async fn start() -> Self {
        Self::launch(Server::new("redis"), "", &[], None).await
    }

    /// One whose data are below this folder.
    pub async fn start_in(folder: &Path) -> Self {
        Self::launch(Server::below(folder, "redis"), "", &[], None).await
    }

    /// One that requires a password.
    pub async fn start_with_password(password: &str) -> Self {
        let login = format!(":{password}@");
        Self::launch(Server::new("redis"), &login, &["--requirepass", password], None).await
    }

    /// One that knows this user alone, who may do everything.
    pub async fn start_with_user(name: &str, password: &str) -> Self {
        let login = format!("{name}:{password}@");
        let password = format!(">{password}");
        let users =
            ["--user", name, "on", &password, "~*", "&*", "+@all", "--user", "default", "off"];
        Self::launch(Server::new("redis"), &login, &users, None).await
    }

    /// One that speaks TLS on the port of its URL.
    pub async fn start_with_tls() -> Self {
        let server = Server::new("redis");
        let certificate = Certificate::make(server.folder());
        Self::launch(server, "", &[], Some((Port::claim(), certificate))).await
    }

    async fn launch(
        mut server: Server,
        login: &str,
        settings: &[&str],
        tls: Option<(Port, Certificate)>,
    ) -> Self {
        let port = Port::claim();
        let mut arguments = vec![port.number().to_string()];
        arguments.extend(settings.iter().map(|setting| (*setting).to_owned()));
        if let Some((port, certificate)) = &tls {
            let [authority, key] = [certificate.authority(), certificate.key()];
            let certificate = certificate.certificate();
            let settings = [
                ("--tls-port", port.number().to_string()),
                ("--tls-auth-clients", "no".to_owned()),
                ("--tls-ca-cert-file", authority.display().to_string()),
                ("--tls-cert-file", certificate.display().to_string()),
                ("--tls-key-file", key.display().to_string()),
            ];
            arguments.extend(settings.into_iter().flat_map(|(name, value)| [name.into(), value]));
        }
        server.start(arguments);
        let redis = Self { server, port, login: login.to_owned(), tls };
        redis.answers().await;
        redis
    }

    /// Any answer to a PING, even that a password is missing, shows that it serves.
    async fn answers(&self) {
        let port = self.port.number();
        let ping = async || {
            let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
            stream.write_all(b"PING\r\n").await?;
            stream.read_u8().await
        };
        self.server.answers(async |_| ping().await.is_ok()).await;
    }

    /// Where clients connect.
    pub fn url(&self) -> String {
        match &self.tls {
            Some((port, _)) => format!("rediss://{}127.0.0.1:{}", self.login, port.number()),
            None => format!("redis://{}127.0.0.1:{}", self.login, self.port.number()),
        }
    }

    /// The URL of one of its databases, for a user whom a test made: `name:password@`, `/3`.
    pub fn url_for(&self, login: &str, database: &str) -> String {
        format!("redis://{login}127.0.0.1:{}{database}", self.port.number())
    }

    /// Runs a command on a connection of its own.
    #[track_caller]
    pub fn ask<T: FromRedisValue>(&self, words: &[&str]) -> T {
        let client = Client::open(self.url()).expect("a URL");
        let answer =
            client.get_connection().and_then(|mut it| Cmd::new().arg(words).query(&mut it));
        answer.unwrap_or_else(|error| panic!("{words:?}: {error}"))
    }

    /// Deletes everything in it.
    pub fn empty(&self) {
        self.ask::<()>(&["FLUSHALL"]);
    }

    /// The certificate, in PEM, of the authority that vouches for it.
    pub fn authority(&self) -> PathBuf {
        self.tls.as_ref().expect("it was started with TLS").1.authority()
    }

    /// Ends it as a power cut would.
    pub fn kill(&mut self) {
        self.server.kill();
    }

    /// Ends it in good order.
    pub async fn stop(&mut self) {
        self.server.stop("TERM").await;
    }

    /// Starts it again, empty, on the same port.
    pub async fn start_again(&mut self) {
        self.server.start_again();
        self.answers().await;
    }

    /// Pauses it: connections stay open, but get no answer.
    pub fn pause(&self) {
        self.server.pause();
    }

    /// Lets it go on after [`Self::pause`].
    pub fn resume(&self) {
        self.server.resume();
    }

    /// Its processes, to read how much CPU time they use.
    pub fn processes(&self) -> Vec<u32> {
        self.server.processes()
    }

    /// Its log so far.
    pub fn log(&self) -> String {
        self.server.log()
    }
}

/// A Redis for a test that does not harm it.
pub struct RedisUrl {
    url: String,
    _server: Option<Redis>,
}

impl RedisUrl {
    pub(super) fn shared(url: String) -> Self {
        Self { url, _server: None }
    }

    pub(super) fn private(server: Redis) -> Self {
        Self { url: server.url(), _server: Some(server) }
    }

    /// Where clients connect.
    pub fn url(&self) -> &str {
        &self.url
    }
}
