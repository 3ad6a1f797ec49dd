//! One process of a server, ended when this is dropped.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};

use super::{PATIENCE, PAUSE, free_port};
use crate::client::Connection;
use crate::machine;
use crate::requests;

pub(super) struct Process {
    child: Child,
    pub(super) address: SocketAddr,
    pub(super) started_in: Duration,
}

impl Process {
    /// Starts what `command` makes of a free port, and waits until it says that it is ready.
    pub(super) async fn start(
        command: impl FnOnce(u16) -> anyhow::Result<Command>,
        ready: &str,
    ) -> anyhow::Result<Self> {
        let port = free_port()?;
        let mut command = command(port)?;
        command.stdin(Stdio::null()).stdout(Stdio::null());
        let began = Instant::now();
        let child = command.spawn().with_context(|| format!("starting {command:?}"))?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let mut process = Self { child, address, started_in: Duration::ZERO };
        let request = requests::get(ready);
        while !process.answers(&request).await {
            if let Some(status) = process.child.try_wait()? {
                bail!("{command:?} ended with {status}");
            }
            ensure!(began.elapsed() < PATIENCE, "{command:?} is not ready");
            tokio::time::sleep(PAUSE).await;
        }
        process.started_in = began.elapsed();
        Ok(process)
    }

    async fn answers(&self, request: &[u8]) -> bool {
        let Ok(mut connection) = Connection::open(self.address).await else { return false };
        connection.ask(request).await.is_ok_and(|answer| answer.status == 200)
    }

    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// The CPU time that it has used.
    pub(super) fn cpu(&self) -> anyhow::Result<Duration> {
        machine::cpu(&self.id().to_string())
    }

    /// Stops it as a service manager would.
    pub(super) fn stop(&mut self) -> anyhow::Result<()> {
        let told = Command::new("kill").arg(self.id().to_string()).status()?;
        ensure!(told.success(), "kill: {told}");
        let status = self.child.wait()?;
        ensure!(status.success(), "the server ended with {status}");
        Ok(())
    }

    /// Ends it at once, as a power cut would.
    pub(super) fn kill(&mut self) -> anyhow::Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // After a failure: nothing may be left running. A process that has ended says so here.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
