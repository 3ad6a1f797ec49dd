//! Closing the sessions of a run, so that none stays on sale.

use std::time::{Duration, Instant};

use super::limits::{CONNECT_LIMIT, REQUEST_LIMIT};
use super::world::World;
use crate::api;
use crate::client::Connection;

/// How long it may take in all.
const TIME_MAX: Duration = Duration::from_secs(20);

/// Closes every session that the run opened, the probe's included, unless the server refuses: one
/// in which a seat is sold stays open. Returns how many stay open.
pub(crate) async fn close_sessions(world: &World) -> usize {
    let probed = world.abilities.session.clone();
    let mut open: Vec<_> =
        world.sessions().iter().map(|it| it.id.clone()).chain([probed]).collect();
    let end = Instant::now() + TIME_MAX;
    let mut stay = 0;
    for target in &world.targets {
        let Ok(mut connection) = Connection::open(target, CONNECT_LIMIT).await else { continue };
        while connection.is_usable()
            && Instant::now() < end
            && let Some(id) = open.pop()
        {
            let request = api::render_closing(&id, target);
            let answer = connection.ask(&request, REQUEST_LIMIT).await;
            stay += usize::from(!answer.is_ok_and(|it| matches!(it.status, 200..300)));
        }
    }
    stay + open.len()
}
