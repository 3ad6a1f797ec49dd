//! Moving an outbox that instances share: each moves its own batches, and the sweep the rest.

use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use super::delivery::{Delivery, ROWS};
use crate::env::clock::pause;
use crate::ledger::feed::{Next, Subscription};

/// The shortest time between two passes over an instance's own batches, unless more wait than one pass moves. Each
/// pass has a transaction, which costs PostgreSQL more than the rows of many batches.
const PASS_EVERY: Duration = Duration::from_millis(20);
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
    let mut is_failing = false;
    while let Some(Some(next)) = stop.run_until_cancelled(commits.next()).await {
        let next_pass = Instant::now() + PASS_EVERY;
        let (mut batches, mut next) = (Vec::new(), Some(next));
        while let Some(found) = next {
            match found {
                Next::Commit(commit) => batches.extend(commit.outbox.clone()),
                Next::Missed(missed) => delivery.metrics.missed(missed),
            }
            next = if batches.len() < ROWS { commits.try_next() } else { None };
        }
        match delivery.deliver(&batches).await {
            Ok(_) => is_failing = false,
            Err(error) => {
                if !std::mem::replace(&mut is_failing, true) {
                    warn!(target: "relay", %error, "events wait in the outbox until they can be delivered");
                }
            }
        }
        if batches.len() < ROWS {
            stop.run_until_cancelled(pause(next_pass - Instant::now())).await;
        }
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
