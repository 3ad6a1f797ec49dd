//! Private engines: server processes with data of their own, on free ports, that end with this
//! program. How each is started is `scripts/engine`'s to know.

pub(crate) mod postgres;
pub(crate) mod rabbitmq;
pub(crate) mod redis;

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, bail};

use crate::Bench;
use crate::server::{log_file, wait_until_some};

/// The script that becomes a server.
const START: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scripts/engine");

/// A running engine, ended when this is dropped.
struct Engine {
    child: Child,
    /// The signal at which it ends at once, its own processes included.
    ended_by: &'static str,
    log: PathBuf,
}

impl Engine {
    /// Starts one with what `scripts/engine` wants after the folder.
    fn start(
        bench: &Bench,
        name: &str,
        arguments: &[String],
        ended_by: &'static str,
    ) -> anyhow::Result<Self> {
        let (folder, log) = (bench.folder.fresh(name)?, bench.folder.join(&format!("{name}.log")));
        let mut command = Command::new(START);
        command.arg(name).arg(folder).args(arguments);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log_file(&log)?);
        let child = command.spawn().with_context(|| format!("starting {command:?}"))?;
        Ok(Self { child, ended_by, log })
    }

    /// Waits until `ask` gets an answer, which is given back.
    async fn answers<T>(&mut self, ask: impl AsyncFn() -> Option<T>) -> anyhow::Result<T> {
        let (child, log) = (&mut self.child, &self.log);
        wait_until_some("an engine does not answer", async || {
            if let Some(status) = child.try_wait()? {
                let said = std::fs::read_to_string(log)?;
                bail!("scripts/engine ended with {status}: {}", said.lines().last().unwrap_or(""));
            }
            Ok(ask().await)
        })
        .await
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // An engine that has ended by itself makes these fail, and is what they are for.
        let _ = Command::new("kill").arg(self.ended_by).arg(self.child.id().to_string()).status();
        let _ = self.child.wait();
    }
}
