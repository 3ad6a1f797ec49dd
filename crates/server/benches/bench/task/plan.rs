//! The work of a measurement, and starting the server that does it.

use std::process::Stdio;

use crate::data::Data;
use crate::house::{House, Order};
use crate::load::CLIENTS;
use crate::server::{Server, Start};
use crate::setup::Side;
use crate::testbed::{Engines, Testbed};

/// The work, its engines and its data.
#[derive(Clone, Debug)]
pub(crate) struct Task {
    pub(crate) engines: Engines,
    pub(crate) house: House,
    pub(crate) work: Work,
    /// How many connections.
    pub(crate) clients: usize,
    /// How many processes of the program share the data.
    pub(crate) instances: usize,
    /// Whether a tracer counts fsyncs. It slows the server.
    pub(crate) strace: bool,
}

/// The requests.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Work {
    /// Each seat is reserved once.
    Reserve(Order),
    /// Each seat is reserved and paid, one after the other over the same connection.
    Purchase(Order),
    /// One request over and over, which writes nothing.
    Repeat(Read),
}

/// A request that writes nothing.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Read {
    /// `GET /health`.
    Health,
    /// A seat map of 200 seats.
    Map,
    /// The same, compressed.
    MapGzip,
    /// The same, by a client that has it.
    NotModified,
    /// A reservation of a held seat: 409.
    Held,
}

impl Task {
    /// Work of 64 connections for one instance.
    pub(crate) const fn new(engines: Engines, house: House, work: Work) -> Self {
        Self { engines, house, work, clients: CLIENTS, instances: 1, strace: false }
    }

    pub(crate) const fn clients(mut self, clients: usize) -> Self {
        self.clients = clients;
        self
    }

    pub(crate) const fn instances(mut self, instances: usize) -> Self {
        self.instances = instances;
        self
    }

    /// Starts this side's server.
    pub(super) async fn open(
        &self,
        testbed: &Testbed,
        side: &Side,
        data: &Data,
    ) -> anyhow::Result<Server> {
        if side.program.is_none() {
            return Server::ceiling(data, testbed.map_bytes.get()).await;
        }
        // Holds that outlast the run: a lapse would be one more thing to do.
        start(testbed, side, data, self.instances, &["--hold-ttl=1h"]).await
    }
}

/// Starts a side's program on data, with flags of the case, their logs thrown away.
pub(crate) async fn start(
    testbed: &Testbed,
    side: &Side,
    data: &Data,
    instances: usize,
    flags: &[&str],
) -> anyhow::Result<Server> {
    let logs = (0..instances).map(|_| Stdio::null()).collect();
    start_with_logs(testbed, side, data, flags, logs).await
}

/// The same, with a place for the log of each instance.
pub(crate) async fn start_with_logs(
    testbed: &Testbed,
    side: &Side,
    data: &Data,
    flags: &[&str],
    logs: Vec<Stdio>,
) -> anyhow::Result<Server> {
    let program = side.program.as_deref().unwrap_or(&testbed.setup.program);
    let of_case = flags.iter().map(|flag| (*flag).to_owned());
    let flags = of_case.chain(side.flags.iter().cloned()).chain(testbed.setup.with.iter().cloned());
    let flags = flags.collect();
    Server::start(Start { program, data, flags, logs, commit_delay: None }).await
}
