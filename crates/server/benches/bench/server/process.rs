//! One process of a server.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{bail, ensure};
use poltrona_testkit::engines::Port;
use poltrona_testkit::process;
use poltrona_testkit::wait::try_wait_for;

use crate::client::Connection;
use crate::machine;
use crate::requests;

/// The pause between two checks whether a server is ready: short, for a start is measured.
const PAUSE: Duration = Duration::from_millis(1);

/// A process that serves, killed when this is dropped.
pub(super) struct Process {
    child: process::Process,
    _port: Port,
    pub(super) address: SocketAddr,
    pub(super) started_in: Duration,
}

impl Process {
    /// Starts the command that `command` makes for a free port, and waits until it is ready.
    pub(super) async fn start(
        command: impl FnOnce(u16) -> anyhow::Result<Command>,
        ready: &str,
    ) -> anyhow::Result<Self> {
        let port = Port::claim();
        let mut command = command(port.number())?;
        command.stdin(Stdio::null()).stdout(Stdio::null());
        let began = Instant::now();
        let mut child = process::Process::spawn(&mut command);
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port.number()));
        let request = requests::get(ready);
        try_wait_for(format!("{command:?} is ready"), PAUSE, async || {
            if let Some(status) = child.status() {
                bail!("{command:?} ended with {status}");
            }
            Ok(answers(address, &request).await)
        })
        .await?;
        Ok(Self { child, _port: port, address, started_in: began.elapsed() })
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
        self.child.terminate();
        let status = self.child.ended();
        ensure!(status.success(), "the server ended with {status}");
        Ok(())
    }

    /// Ends it at once, as a power cut would.
    pub(super) fn kill(&mut self) {
        self.child.kill();
    }
}

async fn answers(address: SocketAddr, request: &[u8]) -> bool {
    let Ok(mut connection) = Connection::open(address).await else { return false };
    connection.ask(request).await.is_ok_and(|answer| answer.status == 200)
}
