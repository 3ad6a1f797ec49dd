//! Keeping both sides connected: after any failure a connection is made anew, with everything that
//! depends on it.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use anyhow::anyhow;
use futures_util::FutureExt as _;
use lapin::Connection;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::confirms::Broken;
use super::link::{Side, close, open};
use super::state::State;
use super::{consumers, publisher};
use crate::backoff::BROKER;
use crate::env::clock::pause;

/// How soon a conflict of instances that declare the same queue shows.
const QUARREL: Duration = Duration::from_secs(5);
/// How long a connection must last for its failure to count as a first one.
const GOOD: Duration = Duration::from_secs(10);

/// Keeps one side connected until stopped.
pub(super) async fn keep(bus: Arc<State>, side: Side, stop: CancellationToken) {
    let mut waits = BROKER.waits(&bus.env.ids);
    let (mut first, mut is_first_try) = (true, true);
    while !stop.is_cancelled() {
        let since = Instant::now();
        let opening = open(&bus.settings.uri, &bus.settings.tls);
        let Some(connected) = stop.run_until_cancelled(opening).await else { return };
        let ended = match connected {
            Ok(connection) => {
                // Even after a panic the side is made anew.
                let ended = AssertUnwindSafe(serve(&bus, side, &connection, first, &stop));
                let ended = ended.catch_unwind().await;
                let ended = ended.unwrap_or_else(|_| Err(anyhow!("a bug of this program")));
                first = false;
                close(connection).await;
                ended
            }
            Err(error) => Err(error),
        };
        let Err(why) = ended else { return };
        // A conflict over queues would have shown sooner.
        is_first_try &= since.elapsed() < QUARREL;
        // A refusal was logged already, and the broker is reachable.
        if why.downcast_ref() != Some(&Broken::Refused) {
            bus.link(side).away(&why, &bus.settings.uri.vhost, is_first_try);
        }
        is_first_try = false;
        if since.elapsed() > GOOD {
            waits = BROKER.waits(&bus.env.ids);
        }
        if stop.run_until_cancelled(pause(waits.next_wait())).await.is_none() {
            return;
        }
    }
}

async fn serve(
    bus: &State,
    side: Side,
    connection: &Connection,
    first: bool,
    stop: &CancellationToken,
) -> anyhow::Result<()> {
    match side {
        Side::Publishing => publisher::serve(bus, connection, stop).await,
        Side::Consuming => consumers::serve(bus, connection, first, stop).await,
    }
}
