//! Moving the outbox of a file, which is this process's alone: every row, in order.
//!
//! The feed brings every batch that this process commits, in order, and the outbox is not read for them.
//! It is read at the start, for batches that an earlier process left, and again when a delivery failed or
//! the feed was too fast to follow.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tracing::warn;
use uuid::Uuid;

use super::delivery::{Delivery, ROWS};
use crate::env::clock::pause;
use crate::event::EventBatch;
use crate::ledger::feed::{Next, Subscription};

/// How long to wait after a failed pass.
const PAUSE: Duration = Duration::from_secs(1);

/// Moves the outbox until stopped.
pub(super) async fn move_all(delivery: Delivery, commits: Subscription, stop: CancellationToken) {
    let (pending, read) = (VecDeque::new(), HashSet::new());
    let mut mover = Mover { delivery, commits, pending, is_behind: true, read };
    loop {
        let delivered = mover.pass().await;
        if let Err(error) = &delivered {
            warn!(target: "relay", %error, "events wait in the outbox; trying again");
        }
        let next = async {
            match delivered {
                Ok(0) => mover.wait_for_commit().await,
                Ok(_) => {}
                Err(_) => pause(PAUSE).await,
            }
        };
        if stop.run_until_cancelled(next).await.is_none() {
            return;
        }
    }
}

struct Mover {
    delivery: Delivery,
    commits: Subscription,
    /// Batches that the feed brought and that are to be delivered.
    pending: VecDeque<Arc<EventBatch>>,
    /// Whether the outbox may have rows that are not among those batches.
    is_behind: bool,
    /// The ids of the rows that were read last: the feed may bring some of them yet.
    read: HashSet<Uuid>,
}

impl Mover {
    /// Moves the first rows of the outbox; gives their number.
    async fn pass(&mut self) -> anyhow::Result<usize> {
        while let Some(next) = self.commits.try_next() {
            self.learn(next);
        }
        let batches = if self.is_behind { self.read_outbox().await? } else { self.next_pending() };
        let delivered = self.delivery.deliver(&batches).await;
        self.is_behind |= delivered.is_err();
        delivered
    }

    /// The first rows of the outbox, whoever made them.
    async fn read_outbox(&mut self) -> anyhow::Result<Vec<Arc<EventBatch>>> {
        let rows = self.delivery.store.outbox(ROWS, Duration::ZERO).await?;
        self.pending.clear();
        self.read = rows.iter().map(|row| row.id).collect();
        self.is_behind = rows.len() == ROWS;
        Delivery::read(rows).inspect_err(|_| self.is_behind = true)
    }

    fn next_pending(&mut self) -> Vec<Arc<EventBatch>> {
        let count = self.pending.len().min(ROWS);
        self.pending.drain(..count).collect()
    }

    async fn wait_for_commit(&mut self) {
        match self.commits.next().await {
            Some(next) => self.learn(next),
            // The ledger has ended: no commit comes any more, and the stop is near.
            None => std::future::pending().await,
        }
    }

    fn learn(&mut self, next: Next) {
        match next {
            Next::Commit(commit) => {
                let new = commit.outbox.iter().filter(|batch| !self.read.contains(&batch.id));
                self.pending.extend(new.cloned());
            }
            Next::Missed(missed) => {
                self.delivery.metrics.missed(missed);
                self.is_behind = true;
            }
        }
    }
}
