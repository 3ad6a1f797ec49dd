//! Deletes old rows in small lots, and fills in columns that an older program left empty.

use std::time::Duration;

use poltrona_domain::Timestamp;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::env::clock::Clock;
use crate::ledger::{Error, Ledger};
use crate::store::answer::KEY_TTL;
use crate::store::background::{BackgroundWrite, Purgeable};

/// How often to look.
const EVERY: Duration = Duration::from_mins(1);
/// How many rows of a kind leave in one transaction.
const LOT: u16 = 500;
/// How long lapsed and cancelled reservations can still be read.
const LAPSED_TTL: Duration = Duration::from_hours(30 * 24);
/// How long projections remember a message: longer than any broker keeps one for them.
const INBOX_TTL: Duration = Duration::from_hours(14 * 24);
/// The rows that leave, and at what age.
const KINDS: [(Purgeable, Duration); 3] = [
    (Purgeable::Answers, KEY_TTL),
    (Purgeable::Reservations, LAPSED_TTL),
    (Purgeable::Inbox, INBOX_TTL),
];

/// Removes old rows until stopped: lot after lot while there are any, so that rows leave as fast as
/// they came.
pub async fn run(clock: Clock, ledger: Ledger, stop: CancellationToken) {
    loop {
        let next = clock.now().plus(EVERY);
        fold_texts(&ledger, &stop).await;
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            () = clock.sleep_until(next) => {}
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

/// Stores the folded texts that an older program left out.
async fn fold_texts(ledger: &Ledger, stop: &CancellationToken) {
    while !stop.is_cancelled() {
        match ledger.write(BackgroundWrite::FoldTexts { lot: LOT }).await {
            Ok(rows) if rows == usize::from(LOT) => {}
            Ok(_) => return,
            Err(error) => {
                warn!(target: "database", %error, "folded texts were not stored; trying again in a minute");
                return;
            }
        }
    }
}

/// Removes a lot of each kind; gives whether there may be more.
async fn remove_lot(ledger: &Ledger, now: Timestamp) -> Result<bool, Error> {
    let mut more = false;
    for (kind, ttl) in KINDS {
        let ttl = i64::try_from(ttl.as_millis()).unwrap_or(i64::MAX);
        let before = Timestamp::from_millis(now.as_millis().saturating_sub(ttl));
        more |= ledger.write(BackgroundWrite::Purge { kind, before, lot: LOT }).await?
            == usize::from(LOT);
    }
    Ok(more)
}
