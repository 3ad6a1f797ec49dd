//! A private PostgreSQL, and databases on one that may be shared.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio_postgres::NoTls;

use super::certificate::Certificate;
use super::owned::{finally, fresh_name};
use super::port::Port;
use super::server::Server;
use crate::sql::first_column;

/// A PostgreSQL that a test may harm. It keeps what it has committed as one in production does:
/// `fsync`, `synchronous_commit` and `full_page_writes` are on unless the test turns them off.
pub struct Postgres {
    server: Server,
    port: Port,
    certificate: Option<Certificate>,
}

impl Postgres {
    /// One with the settings of a fresh installation.
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// One that follows another and takes no writes until it is promoted.
    pub async fn standby_of(primary: &Self) -> Self {
        let server = Server::new("standby");
        Self::launch(server, vec![primary.port.number().to_string()], None).await
    }

    /// Promotes a standby; returns when it takes writes.
    pub async fn promote(&self) {
        let promoted = ask(&self.url(), "SELECT pg_promote()::text").await;
        assert_eq!(promoted.expect("it answers"), ["true"]);
    }

    /// Runs statements as its superuser; gives the first column of every row, as text.
    pub async fn sql(&self, sql: &str) -> Vec<String> {
        ask(&self.url(), sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"))
    }

    /// One whose data are below this folder.
    pub async fn start_in(folder: &Path) -> Self {
        Self::launch(Server::below(folder, "postgres"), Vec::new(), None).await
    }

    /// One with settings of `postgresql.conf`, such as `fsync=off`.
    pub async fn start_with(settings: &[&str]) -> Self {
        let settings = settings.iter().map(|setting| (*setting).to_owned()).collect();
        Self::launch(Server::new("postgres"), settings, None).await
    }

    /// One that refuses connections without TLS.
    pub async fn start_with_tls() -> Self {
        let server = Server::new("postgres");
        let certificate = Certificate::make(server.folder());
        let rules = server.folder().join("pg_hba.conf");
        fs::write(&rules, "hostssl all all 127.0.0.1/32 trust\n").expect("a file");
        let settings = vec![
            "ssl=on".to_owned(),
            format!("ssl_cert_file={}", certificate.certificate().display()),
            format!("ssl_key_file={}", certificate.key().display()),
            format!("hba_file={}", rules.display()),
        ];
        Self::launch(server, settings, Some(certificate)).await
    }

    async fn launch(
        mut server: Server,
        settings: Vec<String>,
        certificate: Option<Certificate>,
    ) -> Self {
        let port = Port::claim();
        server.start([vec![port.number().to_string()], settings].concat());
        let postgres = Self { server, port, certificate };
        postgres.answers().await;
        postgres
    }

    /// Its file for `pg_ctl` has its process id in the first line and its state in the eighth.
    async fn answers(&self) {
        let file = self.server.folder().join("data/postmaster.pid");
        let is_ready = |id: u32| {
            let state = fs::read_to_string(&file).ok()?;
            let lines: Vec<_> = state.lines().map(str::trim_end).collect();
            let state = *lines.get(7)?;
            Some(*lines.first()? == id.to_string() && ["ready", "standby"].contains(&state))
        };
        self.server.answers(async |id| is_ready(id) == Some(true)).await;
    }

    /// Where its superuser connects to the database `postgres`.
    pub fn url(&self) -> String {
        self.url_of("postgres")
    }

    /// Where its superuser connects to this database.
    pub fn url_of(&self, database: &str) -> String {
        let tls = if self.certificate.is_some() { "?sslmode=require" } else { "" };
        format!("postgres://postgres@127.0.0.1:{}/{database}{tls}", self.port.number())
    }

    /// The certificate, in PEM, of the authority that vouches for it.
    pub fn authority(&self) -> PathBuf {
        self.certificate.as_ref().expect("it was started with TLS").authority()
    }

    /// Ends the postmaster and its backends as a power cut would.
    pub fn kill(&mut self) {
        self.server.kill();
    }

    /// Ends it in good order, and its connections with it (`pg_ctl stop -m fast`).
    pub async fn stop(&mut self) {
        self.server.stop("INT").await;
    }

    /// Starts it again, on the same port and data.
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

    /// Its log so far, to look for a word such as `deadlock`.
    pub fn log(&self) -> String {
        self.server.log()
    }
}

impl Drop for Postgres {
    /// A killed one would leave a segment of shared memory behind.
    fn drop(&mut self) {
        self.server.end("QUIT");
    }
}

/// A database of one test, dropped with it.
pub struct Database {
    url: String,
    name: String,
    /// Where a connection is made to create and to drop it.
    admin_url: String,
    _server: Option<Arc<Postgres>>,
}

impl Database {
    /// Creates it beside the one that `admin_url` names.
    pub(crate) async fn create(admin_url: &str, server: Option<Arc<Postgres>>) -> Self {
        let name = fresh_name();
        let (address, options) = admin_url.split_once('?').unwrap_or((admin_url, ""));
        let (address, _) = address.rsplit_once('/').expect("a URL that names a database");
        let mark = if options.is_empty() { "" } else { "?" };
        let url = format!("{address}/{name}{mark}{options}");
        let created = ask(admin_url, &format!("CREATE DATABASE {name}")).await;
        created.unwrap_or_else(|error| panic!("{admin_url}: {error}"));
        Self { url, name, admin_url: admin_url.to_owned(), _server: server }
    }

    /// Where clients connect.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Runs statements; gives the first column of every row, as text.
    pub async fn sql(&self, sql: &str) -> Vec<String> {
        ask(&self.url, sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"))
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let (url, sql) = (self.admin_url.clone(), format!("DROP DATABASE {} (FORCE)", self.name));
        finally(async move {
            ask(&url, &sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
        });
    }
}

/// Runs statements on a connection of their own; gives the first column of every row, as text.
pub(super) async fn ask(url: &str, sql: &str) -> Result<Vec<String>, tokio_postgres::Error> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    // The connection ends when the client is dropped.
    let asked = async move { first_column(&client, sql).await };
    let (answer, _) = tokio::join!(asked, connection);
    answer
}
