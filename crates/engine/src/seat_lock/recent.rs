//! Recent answers of the database that the lock needs: which seats exist, and which were refused a
//! moment ago.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use poltrona_domain::{SeatId, SeatTaken, SessionId, Timestamp};

use super::mark::Mark;
use crate::env::clock::Clock;

/// For how long a refusal of the database may be repeated.
const FRESH: Duration = Duration::from_secs(1);
/// After how long one request asks the database again, so that the refusal is renewed for the
/// others before it is too old.
const ASK_AGAIN: Duration = Duration::from_millis(700);
/// How many refused seats are kept; for others the database is asked.
const SEATS: usize = 65_536;
/// For how many sessions seats are kept.
const SESSIONS: usize = 4_096;

/// The database's latest answers.
pub(super) struct Recent {
    clock: Clock,
    rooms: Mutex<HashMap<SessionId, u16>>,
    refused: Mutex<Refused>,
}

#[derive(Default)]
struct Refused {
    seats: HashMap<SeatId, Refusal>,
    swept: Option<Timestamp>,
}

/// A refusal of a seat, when it came, and the mark that agreed with it.
struct Refusal {
    at: Timestamp,
    taken: SeatTaken,
    mark: Mark,
    /// Whether somebody asks again.
    asking: bool,
}

impl Recent {
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

    /// The database refused this seat, and this mark in Redis agrees.
    pub(super) fn refused(&self, taken: SeatTaken, mark: Mark) {
        let at = self.clock.now();
        // The refusal is repeated to other users.
        let taken = SeatTaken { own: None, ..taken };
        let mut refused = lock(&self.refused);
        refused.make_room(at);
        // For seats that do not fit the database is asked each time.
        if refused.seats.len() < SEATS || refused.seats.contains_key(&taken.seat) {
            refused.seats.insert(taken.seat, Refusal { at, taken, mark, asking: false });
        }
    }

    /// The refusal that the database gave for a seat less than a second ago, if this is the very mark
    /// that agreed with it then. `None` also for one caller in that second, who asks again.
    pub(super) fn recent_refusal(&self, seat: SeatId, mark: Mark) -> Option<SeatTaken> {
        let now = self.clock.now();
        let mut refused = lock(&self.refused);
        let refusal = refused.seats.get_mut(&seat)?;
        if refusal.mark != mark || !is_within(FRESH, refusal.at, now) {
            return None;
        }
        if !refusal.asking && !is_within(ASK_AGAIN, refusal.at, now) {
            refusal.asking = true;
            return None;
        }
        Some(refusal.taken.clone())
    }

    /// Forgets everything: every seat is asked of the database.
    pub(super) fn forget_all(&self) {
        lock(&self.rooms).clear();
        lock(&self.refused).seats.clear();
    }

    /// The marks of these seats may be wrong: the next request asks the database.
    pub(super) fn invalidate(&self, seats: &[SeatId]) {
        let mut refused = lock(&self.refused);
        for seat in seats {
            refused.seats.remove(seat);
        }
    }
}

impl Refused {
    /// Drops old refusals, at most once in [`FRESH`].
    fn make_room(&mut self, now: Timestamp) {
        if self.seats.len() >= SEATS && !self.swept.is_some_and(|at| is_within(FRESH, at, now)) {
            self.seats.retain(|_, refusal| is_within(FRESH, refusal.at, now));
            self.swept = Some(now);
        }
    }
}

/// Whether something is no older than this. A time that is ahead shows that the clock stepped back,
/// and does not count.
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

    fn recent() -> Recent {
        Recent::new(Clock::manual(Timestamp::from_millis(0)))
    }

    #[test]
    fn a_seat_that_exists_proves_those_before_it() {
        let recent = recent();
        assert!(!recent.all_exist(&[seat(1, 1)]));
        recent.saw(&[seat(1, 5), seat(1, 3)]);
        assert!(recent.all_exist(&[seat(1, 1), seat(1, 5)]));
        assert!(!recent.all_exist(&[seat(1, 5), seat(1, 6)]));
        assert!(!recent.all_exist(&[seat(2, 1)]));
        recent.closed(seat(1, 1).session());
        assert!(!recent.all_exist(&[seat(1, 1)]));
    }

    #[test]
    fn what_is_known_of_sessions_is_bounded() {
        let recent = recent();
        for session in 1..=10_000 {
            recent.saw(&[seat(session, 1)]);
            assert!(recent.all_exist(&[seat(session, 1)]));
        }
        assert!(lock(&recent.rooms).len() <= SESSIONS);
    }

    fn held(seat: SeatId) -> SeatTaken {
        SeatTaken::held(seat, Timestamp::from_millis(30_000))
    }

    fn refuse(recent: &Recent, taken: &SeatTaken) {
        recent.refused(taken.clone(), Mark::of_refusal(taken));
    }

    fn is_refused(recent: &Recent, taken: &SeatTaken) -> bool {
        recent.recent_refusal(taken.seat, Mark::of_refusal(taken)).as_ref() == Some(taken)
    }

    #[test]
    fn a_refusal_may_be_repeated_for_a_second_while_its_mark_stands_unless_in_doubt() {
        let recent = recent();
        let (first, second) = (held(seat(1, 1)), held(seat(1, 2)));
        assert!(!is_refused(&recent, &first));
        refuse(&recent, &first);
        assert!(is_refused(&recent, &first) && !is_refused(&recent, &second));
        let elses = Mark {
            owner: ReservationId::from_uuid(Uuid::from_u128(7)),
            ..Mark::of_refusal(&first)
        };
        assert_eq!(recent.recent_refusal(first.seat, elses), None);
        recent.clock.advance(Duration::from_millis(999));
        assert!(!is_refused(&recent, &first), "one asks again");
        assert!(is_refused(&recent, &first), "and the others need not");
        recent.clock.advance(Duration::from_millis(1));
        assert!(!is_refused(&recent, &first));
        refuse(&recent, &first);
        recent.clock.advance(Duration::from_millis(699));
        assert!(is_refused(&recent, &first));
        recent.clock.advance(Duration::from_millis(1));
        assert_eq!([is_refused(&recent, &first), is_refused(&recent, &first)], [false, true]);
        refuse(&recent, &first);
        assert_eq!([is_refused(&recent, &first), is_refused(&recent, &first)], [true, true]);
        let sold = SeatTaken::sold(first.seat);
        refuse(&recent, &sold);
        refuse(&recent, &second);
        recent.invalidate(&[second.seat]);
        assert!(
            is_refused(&recent, &sold)
                && !is_refused(&recent, &first)
                && !is_refused(&recent, &second)
        );
    }

    #[test]
    fn after_missed_commits_all_is_forgotten() {
        let recent = recent();
        let first = held(seat(1, 1));
        recent.saw(&[first.seat]);
        refuse(&recent, &first);
        recent.forget_all();
        assert!(!is_refused(&recent, &first) && !recent.all_exist(&[first.seat]));
    }

    #[test]
    fn a_clock_that_steps_back_does_not_keep_the_database_from_being_asked() {
        let recent = Recent::new(Clock::manual(Timestamp::from_millis(10_000)));
        refuse(&recent, &held(seat(1, 1)));
        recent.clock.set(Timestamp::from_millis(0));
        assert!(!is_refused(&recent, &held(seat(1, 1))));
    }

    #[test]
    fn refusals_of_too_many_seats_go_to_the_database_until_some_are_old() {
        let recent = recent();
        for no in 1..=32_767 {
            for session in 1..=3 {
                refuse(&recent, &held(seat(session, no)));
            }
        }
        assert_eq!(lock(&recent.refused).seats.len(), SEATS);
        let another = held(seat(4, 1));
        refuse(&recent, &another);
        assert!(!is_refused(&recent, &another));
        recent.clock.advance(FRESH);
        refuse(&recent, &another);
        assert!(is_refused(&recent, &another));
        assert_eq!(lock(&recent.refused).seats.len(), 1);
    }
}
