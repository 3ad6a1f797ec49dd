//! The scripts, each with its arguments in place. The `.lua` files document them.
//!
//! Redis runs a script whole, so none sees half of another's work. Each touches the keys of one
//! session only.

use std::sync::LazyLock;
use std::time::Duration;

use poltrona_domain::{ReservationId, SeatId, SeatNo, SessionId, Timestamp};
use redis::Script;
use uuid::Uuid;

use super::mark::{Mark, SOMEBODY, key};
use crate::redis::{Call, Scripts};

/// How long a freed seat's mark stands. No older change is written, see
/// [`mark_updater`](super::mark_updater).
pub(super) const FREE_TTL: Duration = Duration::from_secs(1);
/// How long a sold seat's mark stands. In the database a sale is for good.
pub(super) const SOLD_TTL: Duration = Duration::from_hours(1);

macro_rules! script {
    ($name:ident, $file:literal) => {
        static $name: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!($file)));
    };
}
script!(TAKE, "take.lua");
script!(LEARN, "learn.lua");
script!(KEEP, "keep.lua");
script!(FREE, "free.lua");
script!(SELL, "sell.lua");

/// Every script, and a trial: a request for a seat that no session has.
pub(super) fn all() -> Scripts {
    Scripts { all: vec![&TAKE, &LEARN, &KEEP, &FREE, &SELL], trial }
}

fn trial() -> Call {
    let session = SessionId::mint(Uuid::nil());
    let seats: Vec<_> = SeatNo::new(SeatNo::MAX).map(|no| session.seat(no)).into_iter().collect();
    take(&seats, Mark::held(SOMEBODY, Timestamp::from_millis(0)), Duration::ZERO)
}

/// A mark to be replaced, if it is still the one that was seen.
pub(super) struct Change {
    /// Which seat's.
    pub(super) seat: SeatId,
    /// The mark seen; empty for nothing.
    pub(super) seen: Vec<u8>,
    /// The mark to leave, and for how long; `None` for nothing.
    pub(super) mark: Option<(Mark, Duration)>,
}

/// Takes all the seats or none. The answer is the marks in the way.
pub(super) fn take(seats: &[SeatId], mark: Mark, hold: Duration) -> Call {
    let mut call = TAKE.prepare_invoke();
    call.key(keys(seats)).arg(mark.owner.to_string()).arg(mark.to_string()).arg(millis(hold));
    call
}

/// Makes changes.
pub(super) fn learn(changes: &[Change]) -> Call {
    let mut call = LEARN.prepare_invoke();
    for change in changes {
        let (mark, ttl) = match change.mark {
            Some((mark, ttl)) => (mark.to_string(), millis(ttl)),
            None => (String::new(), 0),
        };
        call.key(key(change.seat)).arg(&change.seen).arg(mark).arg(ttl);
    }
    call
}

/// Writes down that a hold was given more time.
pub(super) fn keep(seats: &[SeatId], mark: Mark, ttl: Duration) -> Call {
    let mut call = KEEP.prepare_invoke();
    call.key(keys(seats)).arg(mark.owner.to_string()).arg(SOMEBODY.to_string());
    call.arg(mark.to_string()).arg(millis(ttl));
    call
}

/// Writes down that seats were freed.
pub(super) fn free(seats: &[SeatId], owner: ReservationId) -> Call {
    let mut call = FREE.prepare_invoke();
    call.key(keys(seats)).arg(owner.to_string()).arg(SOMEBODY.to_string()).arg(millis(FREE_TTL));
    call
}

/// Writes down that seats were sold.
pub(super) fn sell(seats: &[SeatId], owner: ReservationId) -> Call {
    let mut call = SELL.prepare_invoke();
    call.key(keys(seats)).arg(Mark { owner, retry_at: None }.to_string()).arg(millis(SOLD_TTL));
    call
}

fn keys(seats: &[SeatId]) -> Vec<String> {
    seats.iter().map(|seat| key(*seat)).collect()
}

/// Redis refuses a time to live of zero.
fn millis(ttl: Duration) -> u64 {
    u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX).max(1)
}
