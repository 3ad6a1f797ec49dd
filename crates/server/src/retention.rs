//! Letting old rows go, in small lots, so that the database does not grow with what nobody needs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use poltrona_domain::Timestamp;
use rusqlite::Transaction;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::clock::Clock;
use crate::ledger::{Error, KEY_TTL, Ledger};

/// How often to look.
const EVERY: Duration = Duration::from_mins(1);
/// How many rows of a kind leave in one transaction.
const LOT: u16 = 500;
/// How long lapsed and cancelled reservations can still be read.
const LAPSED_TTL: Duration = Duration::from_hours(30 * 24);

/// Removes old rows until stopped: as many lots as there are, one after the other, so that rows leave
/// as fast as they came however fast that was.
pub async fn run(clock: Clock, ledger: Ledger, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = clock.sleep_until(clock.now().plus(EVERY)) => {}
        }
        let now = clock.now();
        while !stop.is_cancelled() {
            match remove_lot(&ledger, now).await {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => {
                    warn!(target: "database", %error, "old rows were not removed; trying again later");
                    break;
                }
            }
        }
    }
}

/// Has a lot removed; says whether there may be more.
async fn remove_lot(ledger: &Ledger, now: Timestamp) -> Result<bool, Error> {
    let more = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&more);
    let removed = ledger.write(move |tx| {
        told.store(remove(tx, now)?, Ordering::Relaxed);
        Ok(())
    });
    removed.await.map(|()| more.load(Ordering::Relaxed))
}

/// Removes one lot of answers to idempotency keys, and one of reservations that came to nothing; says
/// whether either was full.
fn remove(tx: &Transaction<'_>, now: Timestamp) -> rusqlite::Result<bool> {
    let before = |ttl: Duration| {
        now.as_millis().saturating_sub(i64::try_from(ttl.as_millis()).unwrap_or(i64::MAX))
    };
    let answers = tx
        .prepare_cached(
            "DELETE FROM idempotency WHERE (caller, key) IN
            (SELECT caller, key FROM idempotency WHERE created_at < ? ORDER BY created_at LIMIT ?)",
        )?
        .execute((before(KEY_TTL), LOT))?;
    let reservations = tx
        .prepare_cached(
            "DELETE FROM reservations WHERE id IN
            (SELECT id FROM reservations WHERE status IN ('EXPIRED', 'CANCELLED')
             AND expires_at < ? ORDER BY expires_at LIMIT ?)",
        )?
        .execute((before(LAPSED_TTL), LOT))?;
    Ok(answers.max(reservations) == usize::from(LOT))
}
