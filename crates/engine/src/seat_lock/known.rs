//! What this instance has heard of the database, as far as the lock needs it: which seats exist, and
//! which were refused a moment ago.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use poltrona_domain::{SeatId, SeatTaken, SessionId, Timestamp};

use super::mark::Mark;
use crate::clock::Clock;

/// For how long a refusal of the database may be repeated.
const FRESH: Duration = Duration::from_secs(1);
/// After how long one of those who are refused asks the database again, so that the others need not
/// when that time is over.
const ASK_AGAIN: Duration = Duration::from_millis(700);
/// How many seats may be refused in that time; others are asked of the database.
const SEATS: usize = 65_536;
/// Of how many sessions the seats are known.
const SESSIONS: usize = 4_096;

/// What was heard.
pub(super) struct Known {
    clock: Clock,
    rooms: Mutex<HashMap<SessionId, u16>>,
    refused: Mutex<Refused>,
}

#[derive(Default)]
struct Refused {
    seats: HashMap<SeatId, Heard>,
    swept: Option<Timestamp>,
}

/// What the database said of a seat, when that was heard, and the mark that said the same.
#[derive(Clone, Copy)]
struct Heard {
    at: Timestamp,
    taken: SeatTaken,
    mark: Mark,
    /// Whether somebody asks again.
    asking: bool,
}

impl Known {
    /// Nothing yet.
    pub(super) fn new(clock: Clock) -> Self {
        Self { clock, rooms: Mutex::default(), refused: Mutex::default() }
    }

    /// The database has these seats, and therefore all with lower numbers.
    pub(super) fn saw(&self, seats: &[SeatId]) {
        for seat in seats {
            self.opened(seat.session(), seat.no().get());
        }
    }

    /// The session has so many seats, or more.
    pub(super) fn opened(&self, session: SessionId, seats: u16) {
        let mut rooms = lock(&self.rooms);
        if rooms.len() >= SESSIONS && !rooms.contains_key(&session) {
            // Those in use are learned again with the next answer about them.
            rooms.clear();
        }
        let known = rooms.entry(session).or_default();
        *known = seats.max(*known);
    }

    /// The session has no seats any more, or less than was thought.
    pub(super) fn closed(&self, session: SessionId) {
        lock(&self.rooms).remove(&session);
    }

    /// Whether all of these are known to exist.
    pub(super) fn all_exist(&self, seats: &[SeatId]) -> bool {
        let rooms = lock(&self.rooms);
        let known = |seat: &SeatId| rooms.get(&seat.session()).copied().unwrap_or(0);
        seats.iter().all(|seat| seat.no().get() <= known(seat))
    }

    /// The database refused this seat, and this mark in Redis says so.
    pub(super) fn refused(&self, taken: SeatTaken, mark: Mark) {
        let at = self.clock.now();
        let mut refused = lock(&self.refused);
        refused.make_room(at);
        // What does not fit is asked about each time.
        if refused.seats.len() < SEATS || refused.seats.contains_key(&taken.seat) {
            refused.seats.insert(taken.seat, Heard { at, taken, mark, asking: false });
        }
    }

    /// What the database said of a seat a moment ago, if this is the very mark that said so then;
    /// `None` also for the one whose turn it is to ask again.
    pub(super) fn lately(&self, seat: SeatId, mark: Mark) -> Option<SeatTaken> {
        let now = self.clock.now();
        let mut refused = lock(&self.refused);
        let heard = refused.seats.get_mut(&seat)?;
        if heard.mark != mark || !is_within(FRESH, heard.at, now) {
            return None;
        }
        if !heard.asking && !is_within(ASK_AGAIN, heard.at, now) {
            heard.asking = true;
            return None;
        }
        Some(heard.taken)
    }

    /// What Redis says of these may be wrong: the next refusal asks the database.
    pub(super) fn doubt(&self, seats: &[SeatId]) {
        let mut refused = lock(&self.refused);
        for seat in seats {
            refused.seats.remove(seat);
        }
    }
}

impl Refused {
    /// Drops what is old, at most as often as anything can become old.
    fn make_room(&mut self, now: Timestamp) {
        if self.seats.len() >= SEATS && !self.swept.is_some_and(|at| is_within(FRESH, at, now)) {
            self.seats.retain(|_, heard| is_within(FRESH, heard.at, now));
            self.swept = Some(now);
        }
    }
}

/// Whether something is no older than this. A time that is ahead is a clock's that stepped back: not to
/// be relied on.
fn is_within(age: Duration, at: Timestamp, now: Timestamp) -> bool {
    at <= now && now < at.plus(age)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use poltrona_domain::{ReservationId, SeatNo};
    use uuid::Uuid;

    use super::*;

    fn seat(session: u128, no: u16) -> SeatId {
        SessionId::mint(Uuid::from_u128(session << 64)).seat(SeatNo::new(no).unwrap())
    }

    fn known() -> Known {
        Known::new(Clock::manual(Timestamp::from_millis(0)))
    }

    #[test]
    fn a_seat_that_exists_proves_those_before_it() {
        let known = known();
        assert!(!known.all_exist(&[seat(1, 1)]));
        known.saw(&[seat(1, 5), seat(1, 3)]);
        assert!(known.all_exist(&[seat(1, 1), seat(1, 5)]));
        assert!(!known.all_exist(&[seat(1, 5), seat(1, 6)]));
        assert!(!known.all_exist(&[seat(2, 1)]));
        known.closed(seat(1, 1).session());
        assert!(!known.all_exist(&[seat(1, 1)]));
    }

    #[test]
    fn what_is_known_of_sessions_is_bounded() {
        let known = known();
        for session in 1..=10_000 {
            known.saw(&[seat(session, 1)]);
            assert!(known.all_exist(&[seat(session, 1)]));
        }
        assert!(lock(&known.rooms).len() <= SESSIONS);
    }

    fn held(seat: SeatId) -> SeatTaken {
        SeatTaken { seat, retry_at: Some(Timestamp::from_millis(30_000)) }
    }

    fn refuse(known: &Known, taken: SeatTaken) {
        known.refused(taken, Mark::told(&taken));
    }

    fn lately(known: &Known, taken: SeatTaken) -> bool {
        known.lately(taken.seat, Mark::told(&taken)) == Some(taken)
    }

    #[test]
    fn a_refusal_may_be_repeated_for_a_second_while_its_mark_stands_unless_in_doubt() {
        let known = known();
        let (first, second) = (held(seat(1, 1)), held(seat(1, 2)));
        assert!(!lately(&known, first));
        refuse(&known, first);
        assert!(lately(&known, first) && !lately(&known, second));
        let elses =
            Mark { owner: ReservationId::from_uuid(Uuid::from_u128(7)), ..Mark::told(&first) };
        assert_eq!(known.lately(first.seat, elses), None);
        known.clock.advance(Duration::from_millis(999));
        assert!(!lately(&known, first), "one asks again");
        assert!(lately(&known, first), "and the others need not");
        known.clock.advance(Duration::from_millis(1));
        assert!(!lately(&known, first));
        refuse(&known, first);
        known.clock.advance(Duration::from_millis(699));
        assert!(lately(&known, first));
        known.clock.advance(Duration::from_millis(1));
        assert_eq!([lately(&known, first), lately(&known, first)], [false, true]);
        refuse(&known, first);
        assert_eq!([lately(&known, first), lately(&known, first)], [true, true]);
        let sold = SeatTaken { retry_at: None, ..first };
        refuse(&known, sold);
        refuse(&known, second);
        known.doubt(&[second.seat]);
        assert!(lately(&known, sold) && !lately(&known, first) && !lately(&known, second));
    }

    #[test]
    fn a_clock_that_steps_back_does_not_keep_the_database_from_being_asked() {
        let known = Known::new(Clock::manual(Timestamp::from_millis(10_000)));
        refuse(&known, held(seat(1, 1)));
        let Clock::Manual(hand) = &known.clock else { panic!("a manual clock") };
        hand.send_replace(Timestamp::from_millis(0));
        assert!(!lately(&known, held(seat(1, 1))));
    }

    #[test]
    fn refusals_of_too_many_seats_go_to_the_database_until_some_are_old() {
        let known = known();
        for no in 1..=32_767 {
            for session in 1..=3 {
                refuse(&known, held(seat(session, no)));
            }
        }
        assert_eq!(lock(&known.refused).seats.len(), SEATS);
        let another = held(seat(4, 1));
        refuse(&known, another);
        assert!(!lately(&known, another));
        known.clock.advance(FRESH);
        refuse(&known, another);
        assert!(lately(&known, another));
        assert_eq!(lock(&known.refused).seats.len(), 1);
    }
}
