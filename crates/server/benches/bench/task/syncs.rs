//! Counting a process's fsyncs with `strace`.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, ensure};

use crate::server::Server;
use crate::setup::Setup;

/// A running tracer.
pub(super) struct Syncs {
    tracer: Child,
    counts: PathBuf,
}

impl Syncs {
    /// Attaches to a server; returns when it is counting.
    pub(super) fn trace(setup: &Setup, server: &Server) -> anyhow::Result<Self> {
        let counts = setup.folder.join("strace");
        let mut command = Command::new("strace");
        command.args(["-f", "-c", "-e", "trace=fsync,fdatasync", "-o"]).arg(&counts);
        let tracer = command.arg("-p").arg(server.pid().to_string()).stderr(Stdio::piped()).spawn();
        let mut syncs = Self { tracer: tracer.context("starting strace")?, counts };
        let stderr = syncs.tracer.stderr.take().context("strace says nothing")?;
        // It prints `Process … attached` for each thread, and counts from then on.
        let mut line = String::new();
        BufReader::new(stderr).read_line(&mut line)?;
        ensure!(line.contains("attached"), "strace: {}", line.trim());
        Ok(syncs)
    }

    /// Ends the tracer; returns its count.
    pub(super) fn count(mut self) -> anyhow::Result<f64> {
        let killed = Command::new("kill").arg("-INT").arg(self.tracer.id().to_string()).status()?;
        ensure!(killed.success(), "kill: {killed}");
        self.tracer.wait()?;
        let table = std::fs::read_to_string(&self.counts)?;
        let calls = table.lines().filter_map(|line| {
            // `% time, seconds, usecs/call, calls, errors if any, name`
            let fields: Vec<_> = line.split_whitespace().collect();
            let ours = fields.last().is_some_and(|name| matches!(*name, "fsync" | "fdatasync"));
            ours.then(|| fields.get(3)?.parse::<f64>().ok())?
        });
        Ok(calls.sum())
    }
}

impl Drop for Syncs {
    fn drop(&mut self) {
        // After a failure: nothing may be left running.
        let _ = self.tracer.kill();
        let _ = self.tracer.wait();
    }
}
