//! Letting old rows go, in small lots, so that the database does not grow with what nobody needs.

use std::time::Duration;

use poltrona_domain::Timestamp;
use rusqlite::{Result, Transaction};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::clock::Clock;
use crate::ledger::{KEY_TTL, Ledger};

/// How often to look.
const EVERY: Duration = Duration::from_mins(1);
/// How many rows of a kind leave in one transaction.
const LOT: u32 = 500;
/// How long lapsed and cancelled reservations can still be read.
const LAPSED_TTL: Duration = Duration::from_hours(30 * 24);

/// Removes old rows until stopped.
pub async fn run(clock: Clock, ledger: Ledger, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = clock.sleep_until(clock.now().plus(EVERY)) => {}
        }
        let now = clock.now();
        if let Err(error) = ledger.write(move |tx| remove(tx, now)).await {
            warn!(target: "database", %error, "old rows were not removed; trying again later");
        }
    }
}

/// Removes one lot of answers to idempotency keys, and one of reservations that came to nothing.
pub fn remove(tx: &Transaction<'_>, now: Timestamp) -> Result<()> {
    let before = |ttl: Duration| {
        now.as_millis().saturating_sub(i64::try_from(ttl.as_millis()).unwrap_or(i64::MAX))
    };
    tx.prepare_cached(
        "DELETE FROM idempotency WHERE (caller, key) IN
            (SELECT caller, key FROM idempotency WHERE created_at < ? ORDER BY created_at LIMIT ?)",
    )?
    .execute((before(KEY_TTL), LOT))?;
    tx.prepare_cached(
        "DELETE FROM reservations WHERE id IN
            (SELECT id FROM reservations WHERE status IN ('EXPIRED', 'CANCELLED')
             AND expires_at < ? ORDER BY expires_at LIMIT ?)",
    )?
    .execute((before(LAPSED_TTL), LOT))?;
    Ok(())
}
