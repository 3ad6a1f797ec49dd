//! Driving a server, and measuring it.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::ensure;
use futures_util::TryStreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::task::coop;

use crate::client::Connection;
use crate::machine;
use crate::server::Server;
use crate::setup::Setup;
use crate::times::Times;

/// The connections that most cases use.
pub(crate) const CLIENTS: usize = 64;
/// The connections of a rush.
pub(crate) const RUSH: usize = 256;

/// The calls of a loop.
pub(crate) struct Ran {
    /// How long each call took.
    pub(crate) times: Times,
    /// From the first call's beginning to the last one's end.
    pub(crate) took: Duration,
}

/// The figures of one measurement.
pub(crate) struct Measured {
    /// Calls a second.
    pub(crate) rate: f64,
    /// Half of the calls were done within this.
    pub(crate) p50_ms: f64,
    /// All but one in a hundred were done within this.
    pub(crate) p99_ms: f64,
    /// The server's CPU time for a call.
    pub(crate) server_us: f64,
    /// Our own CPU time for a call.
    pub(crate) client_us: f64,
}

/// Makes calls over `clients` connections, spread over the addresses, each the next as soon as it
/// has its answer, for `lasting`, or until a call returns `false`. Calls that were begun are
/// finished.
pub(crate) async fn closed_loop<C>(
    addresses: &[SocketAddr],
    clients: usize,
    lasting: Duration,
    call: &C,
) -> anyhow::Result<Ran>
where
    C: AsyncFn(&mut Connection) -> anyhow::Result<bool>,
{
    let mut connections = Vec::with_capacity(clients);
    for address in addresses.iter().cycle().take(clients) {
        connections.push(Connection::open(*address).await?);
    }
    let start = Instant::now();
    let end = start + lasting;
    let calling = async |mut connection: Connection| {
        let mut times = Vec::new();
        let mut began = Instant::now();
        while began < end && call(&mut connection).await? {
            let now = Instant::now();
            times.push(now - began);
            began = now;
        }
        anyhow::Ok(times)
    };
    let calls: FuturesUnordered<_> = connections.into_iter().map(calling).collect();
    // All connections are one task: its share of turns would be used up by a few of them.
    let times = coop::unconstrained(calls.try_concat()).await?;
    Ok(Ran { times: Times::of(times), took: start.elapsed() })
}

/// Drives a server until it is warm, and then measures.
pub(crate) async fn measure<C>(
    setup: &Setup,
    server: &Server,
    clients: usize,
    call: &C,
) -> anyhow::Result<Measured>
where
    C: AsyncFn(&mut Connection) -> anyhow::Result<bool>,
{
    closed_loop(&server.addresses(), clients, setup.warm_up(), call).await?;
    measure_warm(server, clients, setup.window, call).await
}

/// Measures a server that is warm.
pub(crate) async fn measure_warm<C>(
    server: &Server,
    clients: usize,
    lasting: Duration,
    call: &C,
) -> anyhow::Result<Measured>
where
    C: AsyncFn(&mut Connection) -> anyhow::Result<bool>,
{
    let (server_before, client_before) = (server.cpu()?, machine::own_cpu()?);
    let Ran { mut times, took } = closed_loop(&server.addresses(), clients, lasting, call).await?;
    let (server_after, client_after) = (server.cpu()?, machine::own_cpu()?);
    ensure!(times.count() > 0, "nothing was done: had all seats gone before the measuring began?");
    let calls = f64::from(u32::try_from(times.count())?);
    let micros_each = |time: Duration| time.as_secs_f64() * 1e6 / calls;
    Ok(Measured {
        rate: calls / took.as_secs_f64(),
        p50_ms: times.millis_at(0.5),
        p99_ms: times.millis_at(0.99),
        server_us: micros_each(server_after.saturating_sub(server_before)),
        client_us: micros_each(client_after.saturating_sub(client_before)),
    })
}
