//! A request for seats between Redis and the database: the marks that it may have left in Redis,
//! and their end.

use std::sync::Arc;
use std::time::Duration;

use poltrona_domain::{Event, Refusal, SeatId, SeatTaken, Timestamp};
use tokio::time::Instant;

use super::mark::Mark;
use super::marks::Marks;
use super::operation::Operation;
use crate::ledger::{Error, Outcome, Reply};

/// A request that the database is being asked about. It is settled with the reply; dropped without
/// one, it removes its marks, as every request that failed must.
pub(super) struct PendingLock {
    marks: Arc<Marks>,
    seats: Arc<[SeatId]>,
    own: Mark,
    hold: Duration,
    /// The changes of its seats before the database was asked.
    before: u32,
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
    /// A request that is about to be made to Redis, and its mark.
    pub(super) fn new(marks: Arc<Marks>, seats: Arc<[SeatId]>, own: Mark, hold: Duration) -> Self {
        let before = marks.recent.changes(&seats);
        Self { marks, seats, own, hold, before, standing: Standing::Unknown }
    }

    /// The operation that makes it.
    pub(super) fn take(&self) -> Operation {
        Operation::take(Arc::clone(&self.seats), self.own, self.hold)
    }

    /// Whether all its seats are marked.
    pub(super) const fn is_acquired(&self) -> bool {
        matches!(self.standing, Standing::Acquired)
    }

    /// Brings Redis in line with the reply of the database.
    pub(super) fn settle(mut self, reply: &Reply) {
        match reply {
            _ if matches!(self.standing, Standing::Released) => {}
            Ok(Outcome::Done(events)) => {
                if let Some(reservation) = events.iter().find_map(Event::reservation) {
                    self.granted(reservation.expires_at);
                }
            }
            Err(Error::Refused(Refusal::SeatsTaken(taken))) => self.refused(taken),
            // Its marks run out by themselves.
            Err(Error::OutcomeUnknown) => self.standing = Standing::Released,
            // Nothing was done, or it was done before and for another reservation.
            Ok(Outcome::Replayed(_)) | Err(_) => {}
        }
    }

    fn granted(&mut self, expires_at: Timestamp) {
        let (mark, hold) = (Mark::held(self.own.owner, expires_at), self.hold);
        let update = || Operation::update(Arc::clone(&self.seats), mark.owner, mark, hold);
        let operations = match &self.standing {
            Standing::Released => Vec::new(),
            Standing::Acquired if self.own.agrees_with(mark) => Vec::new(),
            Standing::Acquired | Standing::Unknown => vec![update()],
            Standing::Conflict(seen) => {
                let change = |(seat, seen): (&SeatId, &Vec<u8>)| {
                    Operation::replace([*seat].into(), seen.clone(), Some((mark, hold)))
                };
                self.seats.iter().zip(seen).map(change).collect()
            }
        };
        self.release(operations);
    }

    /// The database has all the seats, and someone else holds or bought these.
    fn refused(&mut self, taken: &[SeatTaken]) {
        let (mut operations, mut because) = (Vec::new(), Vec::new());
        for (place, seat) in self.seats.iter().enumerate() {
            let refusal = taken.iter().find(|it| it.seat == *seat);
            let right = refusal.map(Mark::of_refusal);
            let left = right.map(|mark| (mark, self.marks.ttl(mark.retry_at)));
            let (mut mark, owner, seat) = (right, self.own.owner, [*seat].into());
            match (&self.standing, left) {
                (Standing::Conflict(seen), _) if agree(&seen[place], right) => {
                    mark = Mark::read(&seen[place]);
                }
                (Standing::Conflict(seen), _) => {
                    operations.push(Operation::replace(seat, seen[place].clone(), left));
                }
                (_, Some((right, ttl))) => {
                    operations.push(Operation::update(seat, owner, right, ttl));
                }
                (_, None) => operations.push(self.removal(seat)),
            }
            because.extend(refusal.cloned().zip(mark));
        }
        // Without an answer it is not known whether these marks stand.
        if !matches!(self.standing, Standing::Unknown) {
            self.marks.recent.refused(&self.seats, self.before, because);
        }
        self.release(operations);
    }

    /// Removes its own mark from seats.
    fn removal(&self, seats: Arc<[SeatId]>) -> Operation {
        Operation::replace(seats, self.own.to_string().into_bytes(), None)
    }

    /// Ends it with the last operations on its marks.
    fn release(&mut self, operations: Vec<Operation>) {
        self.standing = Standing::Released;
        if !operations.is_empty() {
            drop(self.marks.calls.update(operations, Instant::now()));
        }
    }
}

impl Drop for PendingLock {
    fn drop(&mut self) {
        if let Standing::Acquired | Standing::Unknown = self.standing {
            let removal = self.removal(Arc::clone(&self.seats));
            self.release(vec![removal]);
        }
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
