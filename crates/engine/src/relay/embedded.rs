//! Moving the outbox of a file, which is this process's alone: every row, in order.
//!
//! The outbox says what is to be delivered; the feed says when to look, and has the batches that
//! this process made, so that they need not be read from JSON. Other batches are read.

use std::collections::HashMap;
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
    let mut mover = Mover { delivery, commits, made: HashMap::new() };
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
    /// Batches that the feed brought and that are still in the outbox.
    made: HashMap<Uuid, Arc<EventBatch>>,
}

impl Mover {
    /// Moves the first rows of the outbox; gives their number.
    async fn pass(&mut self) -> anyhow::Result<usize> {
        while let Some(next) = self.commits.try_next() {
            self.learn(next);
        }
        // Batches that were known before are among these ids, or were delivered.
        let ids = self.delivery.store.outbox_ids(ROWS).await?;
        if ids.len() < ROWS {
            self.made.retain(|id, _| ids.binary_search(id).is_ok());
        }
        let mut batches: Vec<_> = ids.iter().map_while(|id| self.made.remove(id)).collect();
        if batches.is_empty() && !ids.is_empty() {
            let rows = self.delivery.store.outbox(ROWS, Duration::ZERO).await?;
            batches = Delivery::read(rows)?;
        }
        self.delivery.deliver(&batches).await
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
                self.made.extend(commit.outbox.as_ref().map(|batch| (batch.id, Arc::clone(batch))));
            }
            // They are in the outbox, and are read from there.
            Next::Missed(missed) => {
                self.delivery.metrics.missed(missed);
                self.made.clear();
            }
        }
    }
}
