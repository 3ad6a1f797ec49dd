//! Operations on marks, and the call that runs a list of them. `marks.lua` documents them.

use std::fmt;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use poltrona_domain::{ReservationId, SeatId, SeatNo, SessionId, Timestamp};
use redis::{Cmd, RedisWrite as _, Script};
use uuid::Uuid;

use super::mark::{Key, Mark, SOMEBODY};
use crate::redis::Scripts;

/// How long a freed seat's mark stands. No older change is written, see [`calls`](super::calls).
pub(super) const FREE_TTL: Duration = Duration::from_secs(1);
/// How long a sold seat's mark stands. In the database a sale is for good.
pub(super) const SOLD_TTL: Duration = Duration::from_hours(1);

/// How many arguments an operation has, beside its seats.
const ARGUMENTS: usize = 5;
/// Room for a key or a mark.
const BYTES: usize = 56;

static MARKS: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("marks.lua")));

/// The script, and a trial: a request for a seat that no session has.
pub(super) fn scripts() -> Scripts {
    Scripts { all: vec![&MARKS], trial }
}

fn trial() -> Cmd {
    let session = SessionId::mint(Uuid::nil());
    let seats = SeatNo::new(SeatNo::MAX).map(|no| session.seat(no)).into_iter().collect();
    let mark = Mark::held(SOMEBODY, Timestamp::from_millis(0));
    call([&Operation::take(seats, mark, Duration::ZERO)].into_iter())
}

/// An operation on the marks of some seats.
#[derive(Clone, Debug)]
pub(super) struct Operation {
    seats: Arc<[SeatId]>,
    over: Over,
    left: Left,
    ttl: Duration,
}

/// The marks that an operation may replace.
#[derive(Clone, Debug)]
enum Over {
    /// None, of a freed seat, or this owner's: of all the seats, or the operation does nothing.
    Vacant(ReservationId),
    /// None, this owner's, or somebody's.
    Own(ReservationId),
    /// This one; empty for none.
    Seen(Vec<u8>),
    /// Any.
    Any,
}

/// The mark that an operation leaves.
#[derive(Clone, Copy, Debug)]
enum Left {
    Nothing,
    Free,
    Mark(Mark),
}

impl Operation {
    /// Marks all the seats or none. The answer is the marks in the way.
    pub(super) const fn take(seats: Arc<[SeatId]>, mark: Mark, hold: Duration) -> Self {
        Self { seats, over: Over::Vacant(mark.owner), left: Left::Mark(mark), ttl: hold }
    }

    /// Marks seats that `owner` has, or that the database refused to `owner`, where nobody else's
    /// mark stands.
    pub(super) const fn update(
        seats: Arc<[SeatId]>,
        owner: ReservationId,
        mark: Mark,
        ttl: Duration,
    ) -> Self {
        Self { seats, over: Over::Own(owner), left: Left::Mark(mark), ttl }
    }

    /// Marks seats that were freed, where nobody else's mark stands. The mark stays for a moment, so
    /// that a request that was refused before does not mark the seats as taken after this.
    pub(super) const fn free(seats: Arc<[SeatId]>, owner: ReservationId) -> Self {
        Self { seats, over: Over::Own(owner), left: Left::Free, ttl: FREE_TTL }
    }

    /// Marks seats as sold, over any mark: a sale is for good.
    pub(super) const fn sell(seats: Arc<[SeatId]>, owner: ReservationId) -> Self {
        let sold = Mark { owner, retry_at: None };
        Self { seats, over: Over::Any, left: Left::Mark(sold), ttl: SOLD_TTL }
    }

    /// Replaces a mark, or removes it, only while it is the one that was seen; empty for none.
    pub(super) fn replace(
        seats: Arc<[SeatId]>,
        seen: Vec<u8>,
        mark: Option<(Mark, Duration)>,
    ) -> Self {
        let (left, ttl) =
            mark.map_or((Left::Nothing, Duration::ZERO), |(mark, ttl)| (Left::Mark(mark), ttl));
        Self { seats, over: Over::Seen(seen), left, ttl }
    }

    fn write(&self, call: &mut Cmd) {
        let name = match self.over {
            Over::Vacant(_) => "take",
            Over::Own(_) => "update",
            Over::Seen(_) => "replace",
            Over::Any => "overwrite",
        };
        call.arg(name).arg(self.seats.len());
        match &self.over {
            Over::Vacant(owner) | Over::Own(owner) => call.write_arg_fmt(owner),
            Over::Seen(seen) => call.write_arg(seen),
            Over::Any => call.write_arg(b""),
        }
        call.write_arg_fmt(self.left);
        // Redis refuses a time to live of zero.
        call.arg(u64::try_from(self.ttl.as_millis()).unwrap_or(u64::MAX).max(1));
    }
}

impl fmt::Display for Left {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => Ok(()),
            Self::Free => f.write_str("free"),
            Self::Mark(mark) => mark.fmt(f),
        }
    }
}

/// One call that runs the operations in order. Keys and marks are written straight into it.
pub(super) fn call<'a>(operations: impl Iterator<Item = &'a Operation> + Clone) -> Cmd {
    let seats: usize = operations.clone().map(|operation| operation.seats.len()).sum();
    let arguments = 3 + seats + ARGUMENTS * operations.clone().count();
    let mut call = Cmd::with_capacity(arguments, arguments * BYTES);
    call.arg("EVALSHA").arg(MARKS.get_hash()).arg(seats);
    for seat in operations.clone().flat_map(|operation| &*operation.seats) {
        call.write_arg_fmt(Key(*seat));
    }
    for operation in operations {
        operation.write(&mut call);
    }
    call
}
