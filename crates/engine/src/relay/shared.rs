//! Moving an outbox that instances share: each moves its own batches, and the sweep the rest.
//!
//! Batches go to the bus at once. Their rows, and what they add to the projections, wait a moment for those of the
//! next batches, unless none has come for a while.

use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use super::delivery::{Delivered, Delivery, ROWS};
use crate::env::clock::pause;
use crate::ledger::feed::{Next, Subscription};

/// How often rows are deleted, at most. A transaction costs the server more than the rows of many batches do.
const DELETE_EVERY: Duration = Duration::from_millis(20);
/// How often an instance asks for the lease.
const EVERY: Duration = Duration::from_secs(1);
/// How old a row is before it counts as left behind: its own instance has had its chance.
const GRACE: Duration = Duration::from_secs(2);
/// How many lapses that nobody announced are watched at a time.
const LAPSES: usize = 1_000;

/// Moves what this instance commits, until stopped. Failed batches and missed commits are left to
/// the sweep.
pub(super) async fn move_own(
    delivery: Delivery,
    mut commits: Subscription,
    stop: CancellationToken,
) {
    let (delivered, delete_at) = (Delivered::default(), Instant::now());
    let mut mover = Mover { delivery, delivered, delete_at, is_failing: false };
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => break,
            () = pause(mover.delete_at - Instant::now()), if !mover.delivered.is_empty() => {
                mover.delete().await;
            }
            next = commits.next() => match next {
                Some(next) => mover.publish(next, &mut commits).await,
                None => break,
            },
        }
    }
    mover.delete().await;
}

struct Mover {
    delivery: Delivery,
    /// What was published since the last delete.
    delivered: Delivered,
    /// When it may be deleted.
    delete_at: Instant,
    is_failing: bool,
}

impl Mover {
    /// Takes a commit to the bus, with those that came meanwhile.
    async fn publish(&mut self, next: Next, commits: &mut Subscription) {
        let (mut batches, mut next) = (Vec::new(), Some(next));
        while let Some(found) = next {
            match found {
                Next::Commit(commit) => batches.extend(commit.outbox.clone()),
                Next::Missed(missed) => self.delivery.metrics.missed(missed),
            }
            next = if batches.len() < ROWS { commits.try_next() } else { None };
        }
        let published = self.delivery.publish(&batches).await;
        if let Some(delivered) = self.succeeded(published) {
            self.delivered.add(delivered);
        }
    }

    async fn delete(&mut self) {
        self.delete_at = Instant::now() + DELETE_EVERY;
        let deleted = self.delivery.delete(std::mem::take(&mut self.delivered)).await;
        self.succeeded(deleted);
    }

    /// The value of a success. The first of several failures is logged.
    fn succeeded<T>(&mut self, result: anyhow::Result<T>) -> Option<T> {
        let has_failed = std::mem::replace(&mut self.is_failing, result.is_err());
        if let Err(error) = &result
            && !has_failed
        {
            warn!(target: "relay", %error, "events wait in the outbox until they can be delivered");
        }
        result.ok()
    }
}

/// Sweeps once a second, until stopped. An instance that does not get the lease does nothing.
pub(super) async fn sweep(delivery: Delivery, stop: CancellationToken) {
    while stop.run_until_cancelled(pause(EVERY)).await.is_some() {
        let lease = match delivery.store.try_lease().await {
            Ok(Some(lease)) => lease,
            Ok(None) => continue,
            Err(error) => {
                debug!(target: "relay", %error, "cannot ask for the lease to sweep");
                continue;
            }
        };
        if let Err(error) = sweep_once(&delivery, &stop).await {
            debug!(target: "relay", %error, "the outbox was not swept; trying again");
        }
        lease.end().await;
    }
}

async fn sweep_once(delivery: &Delivery, stop: &CancellationToken) -> anyhow::Result<()> {
    delivery.expiry.watch(delivery.store.overdue(GRACE, LAPSES).await?);
    let mut swept = 0;
    while !stop.is_cancelled() {
        let rows = delivery.store.outbox(ROWS, GRACE).await?;
        let is_last = rows.len() < ROWS;
        swept += delivery.deliver(&Delivery::read(rows)?).await?;
        if is_last {
            break;
        }
    }
    if swept > 0 {
        info!(target: "relay", rows = swept, "delivered what had been left in the outbox");
    }
    Ok(())
}
