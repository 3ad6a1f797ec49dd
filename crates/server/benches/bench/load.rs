//! Driving a server: a closed loop of calls.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use futures_util::TryStreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::task::coop;

use crate::client::Connection;
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
