//! Sweeping: what an instance that died left behind, or what could not be delivered at first.

use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tracing::{debug, info};

use super::{ROWS, Relay};
use crate::store::{Readers, postgres};

/// How often an instance asks for the turn.
const EVERY: Duration = Duration::from_secs(1);
/// How old a row is before it counts as left behind: whoever committed it has had its chance.
const GRACE: Duration = Duration::from_secs(2);
/// How many lapses that nobody announced are taken up at a time.
const LAPSES: usize = 1_000;

impl Relay {
    /// Looks once a second, until stopped. An instance whose turn it is not, does nothing.
    pub(super) async fn sweep(
        self,
        readers: Readers,
        pool: postgres::Pool,
        stop: CancellationToken,
    ) {
        while stop.run_until_cancelled(tokio::time::sleep(EVERY)).await.is_some() {
            let turn = match pool.try_turn().await {
                Ok(Some(turn)) => turn,
                Ok(None) => continue,
                Err(error) => {
                    debug!(target: "relay", %error, "cannot ask for the turn to sweep");
                    continue;
                }
            };
            if let Err(error) = self.sweep_once(&readers, &stop).await {
                debug!(target: "relay", %error, "the outbox was not swept; trying again");
            }
            turn.end().await;
        }
    }

    async fn sweep_once(&self, readers: &Readers, stop: &CancellationToken) -> anyhow::Result<()> {
        self.expiry.look_after(readers.overdue(GRACE, LAPSES).await?);
        let mut swept = 0;
        while !stop.is_cancelled() {
            let rows = readers.outbox(ROWS, GRACE).await?;
            let last = rows.len() < ROWS;
            swept += self.deliver(rows).await?;
            if last {
                break;
            }
        }
        if swept > 0 {
            info!(target: "relay", rows = swept, "delivered what had been left in the outbox");
        }
        Ok(())
    }
}
