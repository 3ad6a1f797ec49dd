//! A server under measurement: a process of its own, ended when this is dropped.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use rusqlite::{Connection as Database, OpenFlags};

use crate::Bench;
use crate::ceiling;
use crate::client::Connection;
use crate::machine;
use crate::requests;

/// How long a server may take until it is ready, or to do what it is waited for.
const PATIENCE: Duration = Duration::from_mins(1);
/// How long to wait before looking again.
const PAUSE: Duration = Duration::from_millis(1);

/// A running server.
pub(crate) struct Server {
    child: Child,
    address: SocketAddr,
    database: PathBuf,
    started_in: Duration,
}

impl Server {
    /// Starts `poltrona serve` on a data folder, its log thrown away.
    pub(crate) async fn poltrona(
        bench: &Bench,
        data: &Path,
        flags: &[&str],
    ) -> anyhow::Result<Self> {
        Self::poltrona_logging(bench, data, flags, Stdio::null()).await
    }

    /// Starts `poltrona serve` on a data folder.
    ///
    /// Nothing but these flags configures it: no variable of ours, no file in the current folder.
    pub(crate) async fn poltrona_logging(
        bench: &Bench,
        data: &Path,
        flags: &[&str],
        log: Stdio,
    ) -> anyhow::Result<Self> {
        let port = free_port()?;
        let mut command = Command::new(&bench.program);
        command.arg("serve").arg("--data-dir").arg(data).arg("--port").arg(port.to_string());
        command.args(flags).args(&bench.with).env_clear().current_dir(data).stderr(log);
        Self::start(command, port, "/readyz", data.join("poltrona.db")).await
    }

    /// Starts the ceiling on a database file; `/bytes` answers with `bytes` bytes.
    pub(crate) async fn ceiling(database: &Path, bytes: usize) -> anyhow::Result<Self> {
        let port = free_port()?;
        let mut command = Command::new(std::env::current_exe()?);
        command.arg(ceiling::ARGUMENT).arg(port.to_string()).arg(database).arg(bytes.to_string());
        Self::start(command, port, "/hello", database.to_owned()).await
    }

    async fn start(
        mut command: Command,
        port: u16,
        ready: &str,
        database: PathBuf,
    ) -> anyhow::Result<Self> {
        command.stdin(Stdio::null()).stdout(Stdio::null());
        let began = Instant::now();
        let child = command.spawn().with_context(|| format!("starting {command:?}"))?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let mut server = Self { child, address, database, started_in: Duration::ZERO };
        let request = requests::get(ready);
        while !server.answers(&request).await {
            if let Some(status) = server.child.try_wait()? {
                bail!("{command:?} ended with {status}");
            }
            ensure!(began.elapsed() < PATIENCE, "{command:?} is not ready");
            tokio::time::sleep(PAUSE).await;
        }
        server.started_in = began.elapsed();
        Ok(server)
    }

    async fn answers(&self, request: &[u8]) -> bool {
        let Ok(mut connection) = Connection::open(self.address).await else { return false };
        connection.ask(request).await.is_ok_and(|answer| answer.status == 200)
    }

    /// Where it listens.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// From starting the process to its first answer that it is ready.
    pub(crate) const fn started_in(&self) -> Duration {
        self.started_in
    }

    /// The CPU time that it has used.
    pub(crate) fn cpu(&self) -> anyhow::Result<Duration> {
        machine::cpu(&self.pid().to_string())
    }

    /// The memory that it holds now, in MB.
    pub(crate) fn resident_mb(&self) -> anyhow::Result<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.trim().strip_suffix(" kB"));
        Ok(kib.context("no VmRSS")?.parse::<f64>()? * 1_024.0 / 1e6)
    }

    /// What it counts.
    pub(crate) async fn metrics(&self) -> anyhow::Result<Metrics> {
        let mut connection = Connection::open(self.address).await?;
        let answer = connection.ask(&requests::get("/metrics")).await?;
        answer.expect(200)?;
        Ok(Metrics(String::from_utf8(answer.body.to_vec())?))
    }

    /// Waits until every event has been delivered.
    pub(crate) async fn settle(&self) -> anyhow::Result<()> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
        let database = Database::open_with_flags(&self.database, flags)?;
        self.wait_until("events wait in the outbox", async || {
            let count = "SELECT count(*) FROM outbox";
            Ok(database.query_row(count, (), |row| row.get::<_, i64>(0))? == 0)
        })
        .await
    }

    /// Waits until `done` says so.
    pub(crate) async fn wait_until(
        &self,
        otherwise: &str,
        done: impl AsyncFn() -> anyhow::Result<bool>,
    ) -> anyhow::Result<()> {
        let began = Instant::now();
        while !done().await? {
            ensure!(began.elapsed() < PATIENCE, "{otherwise}, after {PATIENCE:?}");
            tokio::time::sleep(10 * PAUSE).await;
        }
        Ok(())
    }

    /// Stops it as a service manager would; gives its database file.
    pub(crate) fn stop(mut self) -> anyhow::Result<PathBuf> {
        let told = Command::new("kill").arg(self.pid().to_string()).status()?;
        ensure!(told.success(), "kill: {told}");
        let status = self.child.wait()?;
        ensure!(status.success(), "the server ended with {status}");
        Ok(self.database.clone())
    }

    /// Ends it at once, as a power cut would; gives its database file.
    pub(crate) fn kill(mut self) -> anyhow::Result<PathBuf> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(self.database.clone())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // After a failure: nothing may be left running. A process that has ended says so here.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A page of metrics.
pub(crate) struct Metrics(String);

impl Metrics {
    /// The value of a series, written as on the page, labels included; 0 for one that is not there.
    pub(crate) fn value(&self, series: &str) -> f64 {
        let value = self.0.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        value.and_then(|value| value.parse().ok()).unwrap_or(0.0)
    }

    /// By how much a series grew since `before`.
    pub(crate) fn since(&self, before: &Self, series: &str) -> f64 {
        self.value(series) - before.value(series)
    }
}

/// A place for a log that is read afterwards.
pub(crate) fn log_file(path: &Path) -> anyhow::Result<Stdio> {
    Ok(File::create(path)?.into())
}

/// A port that nobody listens on. Another program could take it before ours does; then the start
/// fails, and says so.
fn free_port() -> std::io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}
