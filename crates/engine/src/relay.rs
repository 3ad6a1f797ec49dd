//! The relay: takes committed events from the outbox to the bus, and deletes them there once every
//! projection, or every queue that stands for one, has them.
//!
//! It follows the commit feed. While it is busy, or pauses between passes over PostgreSQL, the outbox
//! fills, so that under load one pass moves many batches. A file's outbox is this process's alone, and is moved in order (`embedded`). Where
//! several instances share one, each moves what it committed itself, without reading it again, and
//! what was left behind, or could not be delivered, is swept by the one that has the lease, once a
//! second (`shared`). So a message may come twice, but is never lost.

mod log;
mod delivery;
mod embedded;
mod shared;

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use delivery::Delivery;
pub use log::EventLog;

use crate::ledger::feed::Subscription;

/// Starts the tasks that move events until stopped. Events left then wait for the next start.
pub fn start(
    delivery: Delivery,
    commits: Subscription,
    tasks: &TaskTracker,
    stop: &CancellationToken,
) {
    let (log, logging) = (Arc::clone(&delivery.log), stop.clone());
    tasks.spawn(async move { log.count_left_out(&logging).await });
    if delivery.store.is_shared() {
        tasks.spawn(shared::move_own(delivery.clone(), commits, stop.clone()));
        tasks.spawn(shared::sweep(delivery, stop.clone()));
    } else {
        tasks.spawn(embedded::move_all(delivery, commits, stop.clone()));
    }
}
