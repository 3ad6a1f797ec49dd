//! A request for seats between Redis and the database: the marks that it may have left in Redis,
//! and their end.

use std::sync::Arc;
use std::time::Duration;

use poltrona_domain::{Event, Refusal, ReservationId, SeatId, SeatTaken, Timestamp};
use tokio::time::Instant;

use super::mark::Mark;
use super::marks::Marks;
use super::scripts::{self, Change};
use crate::ledger::{Error, Outcome, Reply};

/// A request that the database is being asked about. It is settled with the reply; dropped without
/// one, it removes its marks, as every request that failed must.
pub(super) struct PendingLock {
    marks: Arc<Marks>,
    owner: ReservationId,
    seats: Vec<SeatId>,
    hold: Duration,
    mark: Mark,
    pub(super) standing: Standing,
}

/// The state that a request found in Redis, and left there.
pub(super) enum Standing {
    /// It has no mark there, and nothing needs to be done.
    Released,
    /// Its own mark on every seat.
    Acquired,
    /// Its own mark, perhaps: there was no answer.
    Unknown,
    /// The marks of others as they were, one for each seat, empty where there was none.
    Conflict(Vec<Vec<u8>>),
}

impl PendingLock {
    /// A request that is about to be made to Redis.
    pub(super) fn new(
        marks: Arc<Marks>,
        owner: ReservationId,
        seats: &[SeatId],
        hold: Duration,
        until: Timestamp,
    ) -> Self {
        let mark = Mark::held(owner, until);
        Self { marks, owner, seats: seats.to_vec(), hold, mark, standing: Standing::Unknown }
    }

    /// The mark that it leaves.
    pub(super) const fn mark(&self) -> Mark {
        self.mark
    }

    /// Brings Redis in line with the reply of the database.
    pub(super) fn settle(mut self, reply: &Reply) {
        match reply {
            Ok(Outcome::Done(events)) => {
                if let Some(reservation) = events.iter().find_map(Event::reservation) {
                    self.granted(reservation.expires_at);
                }
            }
            Err(Error::Refused(Refusal::SeatsTaken(taken))) => self.refused(taken),
            Err(Error::Refused(Refusal::SeatsNotFound(_))) => {
                if let Some(seat) = self.seats.first() {
                    self.marks.recent.closed(seat.session());
                }
            }
            // Its marks run out by themselves.
            Err(Error::OutcomeUnknown) => self.standing = Standing::Released,
            // Nothing was done, or it was done before and for another reservation.
            Ok(Outcome::Replayed(_)) | Err(_) => {}
        }
    }

    fn granted(&mut self, expires_at: Timestamp) {
        let (own, mark) = (self.own(), Mark::held(self.owner, expires_at));
        let is_right = self.mark.agrees_with(mark);
        let wrong = self.found().into_iter().filter(|(_, seen)| !(is_right && *seen == own));
        let mark = Some((mark, self.hold));
        let changes: Vec<_> = wrong.map(|(seat, seen)| Change { seat, seen, mark }).collect();
        self.change(&changes);
    }

    /// The database has all the seats, and someone else holds or bought these.
    fn refused(&mut self, taken: &[SeatTaken]) {
        self.marks.recent.saw(&self.seats);
        for taken in taken {
            if let Some(mark) = self.agreeing_mark(taken) {
                self.marks.recent.refused(taken.clone(), mark);
            }
        }
        let own = self.own();
        let change = |(seat, seen): (SeatId, Vec<u8>)| {
            let refusal = taken.iter().find(|taken| taken.seat == seat).map(Mark::of_refusal);
            let mark = refusal.map(|mark| (mark, self.marks.ttl(mark.retry_at)));
            (seen == own || !agree(&seen, refusal)).then_some(Change { seat, seen, mark })
        };
        let changes: Vec<_> = self.found().into_iter().filter_map(change).collect();
        self.change(&changes);
    }

    /// The mark that agrees with a refusal of the database: the one that was seen, if it does, or
    /// the one that is about to be left; `None` where none was read.
    fn agreeing_mark(&self, taken: &SeatTaken) -> Option<Mark> {
        let refusal = Mark::of_refusal(taken);
        let seen = match &self.standing {
            Standing::Released | Standing::Unknown => return None,
            Standing::Acquired => return Some(refusal),
            Standing::Conflict(seen) => seen,
        };
        let place = self.seats.iter().position(|seat| *seat == taken.seat)?;
        let seen = seen.get(place).and_then(|seen| Mark::read(seen));
        Some(seen.filter(|seen| refusal.agrees_with(*seen)).unwrap_or(refusal))
    }

    fn own(&self) -> Vec<u8> {
        self.mark.to_string().into_bytes()
    }

    /// The marks on the seats, empty for none; two for a seat on which either may stand.
    fn found(&self) -> Vec<(SeatId, Vec<u8>)> {
        let each = |seen: Vec<u8>| self.seats.iter().map(move |seat| (*seat, seen.clone()));
        match &self.standing {
            Standing::Released => Vec::new(),
            Standing::Acquired => each(self.own()).collect(),
            Standing::Unknown => each(self.own()).chain(each(Vec::new())).collect(),
            Standing::Conflict(seen) => {
                self.seats.iter().copied().zip(seen.iter().cloned()).collect()
            }
        }
    }

    fn change(&mut self, changes: &[Change]) {
        self.standing = Standing::Released;
        if !changes.is_empty() {
            let (call, seats) = (scripts::learn(changes), self.seats.clone());
            drop(self.marks.updater.update(call, seats, Instant::now()));
        }
    }
}

impl Drop for PendingLock {
    fn drop(&mut self) {
        let own = self.own();
        let left = self.found().into_iter().filter(|(_, seen)| *seen == own);
        let changes = left.map(|(seat, seen)| Change { seat, seen, mark: None });
        self.change(&changes.collect::<Vec<_>>());
    }
}

/// Whether a mark that was seen agrees with what the database has.
fn agree(seen: &[u8], database: Option<Mark>) -> bool {
    match Mark::read(seen) {
        Some(seen) => database.is_some_and(|database| database.agrees_with(seen)),
        None => database.is_none() && seen.is_empty(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seat_lock::mark::SOMEBODY;

    #[test]
    fn an_empty_mark_agrees_only_with_no_mark() {
        let sold = Mark { owner: SOMEBODY, retry_at: None };
        let seen = sold.to_string().into_bytes();
        assert!(agree(b"", None) && agree(&seen, Some(sold)));
        assert!(!agree(b"", Some(sold)) && !agree(&seen, None));
        assert!(!agree(b"what?", None) && !agree(b"what?", Some(sold)));
    }
}
