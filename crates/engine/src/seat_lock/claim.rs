//! A wish on its way to the database: what it may have left in Redis, and what becomes of that.

use std::sync::Arc;
use std::time::Duration;

use poltrona_domain::{ReservationId, SeatId, SeatTaken, Timestamp};

use super::mark::Mark;
use super::redis::Lock;
use super::scripts::{self, Change};

/// A wish that the database is being asked about. It is to be told the answer; dropped without, it
/// takes back what it left, as is right for every wish that came to nothing.
pub struct Claim {
    lock: Arc<Lock>,
    owner: ReservationId,
    seats: Vec<SeatId>,
    hold: Duration,
    mark: Mark,
    pub(super) standing: Standing,
}

/// What a wish found in Redis, and left there.
pub(super) enum Standing {
    /// Nothing of it is there, and nothing is to be done about what is.
    Apart,
    /// Its own mark on every seat.
    Taken,
    /// Its own mark, perhaps: there was no answer.
    Blind,
    /// What others left: the marks as they were, one for each seat, empty where there was none.
    Blocked(Vec<Vec<u8>>),
}

impl Claim {
    /// A wish that is about to be told to Redis.
    pub(super) fn new(
        lock: Arc<Lock>,
        owner: ReservationId,
        seats: &[SeatId],
        hold: Duration,
        until: Timestamp,
    ) -> Self {
        let mark = Mark::held(owner, until);
        Self { lock, owner, seats: seats.to_vec(), hold, mark, standing: Standing::Blind }
    }

    /// The mark that it leaves.
    pub(super) const fn mark(&self) -> Mark {
        self.mark
    }

    /// The database granted it.
    pub fn granted(mut self, expires_at: Timestamp) {
        let (own, mark) = (self.own(), Mark::held(self.owner, expires_at));
        let is_right = self.mark.says_as(mark);
        let wrong = self.found().into_iter().filter(|(_, seen)| !(is_right && *seen == own));
        let mark = Some((mark, self.hold));
        let changes: Vec<_> = wrong.map(|(seat, seen)| Change { seat, seen, mark }).collect();
        self.settle(&changes);
    }

    /// The database refused it: it has all the seats, and someone else has these.
    pub fn contradicted(mut self, taken: &[SeatTaken]) {
        self.lock.known().saw(&self.seats);
        for taken in taken {
            if let Some(mark) = self.stands(taken) {
                self.lock.known().refused(*taken, mark);
            }
        }
        let own = self.own();
        let change = |(seat, seen): (SeatId, Vec<u8>)| {
            let told = taken.iter().find(|taken| taken.seat == seat).map(Mark::told);
            let mark = told.map(|told| (told, self.lock.ttl(told.retry_at)));
            (seen == own || !agree(&seen, told)).then_some(Change { seat, seen, mark })
        };
        let changes: Vec<_> = self.found().into_iter().filter_map(change).collect();
        self.settle(&changes);
    }

    /// The mark that says of a seat what the database said: the one that was seen, if it does, or the
    /// one that is about to be left; `None` where nobody looked.
    fn stands(&self, taken: &SeatTaken) -> Option<Mark> {
        let told = Mark::told(taken);
        let seen = match &self.standing {
            Standing::Apart | Standing::Blind => return None,
            Standing::Taken => return Some(told),
            Standing::Blocked(seen) => seen,
        };
        let place = self.seats.iter().position(|seat| *seat == taken.seat)?;
        let seen = seen.get(place).and_then(|seen| Mark::read(seen));
        Some(seen.filter(|seen| told.says_as(*seen)).unwrap_or(told))
    }

    /// The database does not have all the seats.
    pub fn unknown_seats(self) {
        if let Some(seat) = self.seats.first() {
            self.lock.known().closed(seat.session());
        }
    }

    /// Nobody can say what the database did: what was left runs out in its own time.
    pub fn leave(mut self) {
        self.standing = Standing::Apart;
    }

    fn own(&self) -> Vec<u8> {
        self.mark.to_string().into_bytes()
    }

    /// What stands on the seats, empty for nothing; twice for a seat on which it may be either.
    fn found(&self) -> Vec<(SeatId, Vec<u8>)> {
        let each = |seen: Vec<u8>| self.seats.iter().map(move |seat| (*seat, seen.clone()));
        match &self.standing {
            Standing::Apart => Vec::new(),
            Standing::Taken => each(self.own()).collect(),
            Standing::Blind => each(self.own()).chain(each(Vec::new())).collect(),
            Standing::Blocked(seen) => {
                self.seats.iter().copied().zip(seen.iter().cloned()).collect()
            }
        }
    }

    fn settle(&mut self, changes: &[Change]) {
        self.standing = Standing::Apart;
        if !changes.is_empty() {
            drop(self.lock.keeper().ask(scripts::learn(changes), self.seats.clone()));
        }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let own = self.own();
        let left = self.found().into_iter().filter(|(_, seen)| *seen == own);
        let changes = left.map(|(seat, seen)| Change { seat, seen, mark: None });
        self.settle(&changes.collect::<Vec<_>>());
    }
}

/// Whether what was seen says the same as the database.
fn agree(seen: &[u8], told: Option<Mark>) -> bool {
    match Mark::read(seen) {
        Some(seen) => told.is_some_and(|told| told.says_as(seen)),
        None => told.is_none() && seen.is_empty(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seat_lock::mark::SOMEBODY;

    #[test]
    fn what_was_seen_agrees_with_nothing_only_when_it_is_nothing() {
        let sold = Mark { owner: SOMEBODY, retry_at: None };
        let seen = sold.to_string().into_bytes();
        assert!(agree(b"", None) && agree(&seen, Some(sold)));
        assert!(!agree(b"", Some(sold)) && !agree(&seen, None));
        assert!(!agree(b"what?", None) && !agree(b"what?", Some(sold)));
    }
}
