//! A server under measurement: a process of its own, or several on the same data, ended when this is
//! dropped.

mod process;

use std::fs::File;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::Context as _;

use crate::ceiling;
use crate::client::Connection;
use crate::data::Data;
use crate::metrics::Metrics;
use crate::requests;
use process::Process;

/// How `poltrona serve` is started.
pub(crate) struct Start<'a> {
    pub(crate) program: &'a Path,
    pub(crate) data: &'a Data,
    pub(crate) flags: Vec<String>,
    /// Where the log of each process goes; so many are started.
    pub(crate) logs: Vec<Stdio>,
    /// By how much each commit is to be longer.
    pub(crate) commit_delay: Option<Duration>,
}

/// A running server.
pub(crate) struct Server {
    processes: Vec<Process>,
    data: Data,
}

impl Server {
    /// Starts `poltrona serve` once for each log, all on the same data.
    pub(crate) async fn start(start: Start<'_>) -> anyhow::Result<Self> {
        let Start { program, data, flags, logs, commit_delay } = start;
        let delay =
            commit_delay.map(|delay| ("CHAOS_COMMIT_DELAY", format!("{}ms", delay.as_millis())));
        let mut processes = Vec::with_capacity(logs.len());
        for log in logs {
            let command = |port: u16| {
                let mut command = Command::new(program);
                command.arg("serve").arg("--port").arg(port.to_string());
                data.configure(&mut command)?;
                command.envs(delay.clone()).args(&flags).stderr(log);
                Ok(command)
            };
            processes.push(Process::start(command, "/readyz").await?);
        }
        Ok(Self { processes, data: data.clone() })
    }

    /// Starts the ceiling; `/bytes` answers with `bytes` bytes.
    pub(crate) async fn ceiling(data: &Data, bytes: usize) -> anyhow::Result<Self> {
        let command = |port: u16| {
            let mut command = Command::new(std::env::current_exe()?);
            command.arg(ceiling::ARGUMENT).arg(port.to_string());
            match data {
                Data::File(file) => command.arg(file),
                Data::Database(database) => command.arg(database.url()),
            };
            command.arg(bytes.to_string());
            Ok(command)
        };
        let processes = vec![Process::start(command, "/hello").await?];
        Ok(Self { processes, data: data.clone() })
    }

    /// Where its processes listen.
    pub(crate) fn addresses(&self) -> Vec<SocketAddr> {
        self.processes.iter().map(|process| process.address).collect()
    }

    /// Where its first process listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.processes[0].address
    }

    /// Its first process.
    pub(crate) fn pid(&self) -> u32 {
        self.processes[0].id()
    }

    /// From starting the first process to its first answer that it is ready.
    pub(crate) fn started_in(&self) -> Duration {
        self.processes[0].started_in
    }

    /// The CPU time that its processes have used.
    pub(crate) fn cpu(&self) -> anyhow::Result<Duration> {
        self.processes.iter().map(Process::cpu).sum()
    }

    /// The memory that its first process holds now, in MB.
    pub(crate) fn resident_mb(&self) -> anyhow::Result<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.trim().strip_suffix(" kB"));
        Ok(kib.context("no VmRSS")?.parse::<f64>()? * 1_024.0 / 1e6)
    }

    /// The counters of its processes.
    pub(crate) async fn metrics(&self) -> anyhow::Result<Metrics> {
        let mut pages = String::new();
        for process in &self.processes {
            let mut connection = Connection::open(process.address).await?;
            let answer = connection.ask(&requests::get("/metrics")).await?;
            answer.expect(200)?;
            pages.push_str(std::str::from_utf8(answer.body)?);
        }
        Ok(Metrics::of(pages))
    }

    /// Stops it as a service manager would; gives its data.
    pub(crate) fn stop(mut self) -> anyhow::Result<Data> {
        self.processes.iter_mut().try_for_each(Process::stop)?;
        Ok(self.data)
    }

    /// Ends it at once, as a power cut would; gives its data.
    pub(crate) fn kill(mut self) -> Data {
        self.processes.iter_mut().for_each(Process::kill);
        self.data
    }
}

/// A place for a log that is read afterwards.
pub(crate) fn log_file(path: &Path) -> anyhow::Result<Stdio> {
    Ok(File::create(path)?.into())
}
