//! What this instance has learned of the database, as far as the lock needs it: which seats exist,
//! and when it last asked the database about a seat that it refused.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use poltrona_domain::{SeatId, SessionId, Timestamp};

use crate::clock::Clock;

/// How often a seat that is being refused is asked of the database anyway.
const ASK_EVERY: Duration = Duration::from_secs(1);
/// How many seats may be refused in that time; others are asked of the database.
const SEATS: usize = 65_536;
/// Of how many sessions the seats are known.
const SESSIONS: usize = 4_096;

/// What was learned.
pub(super) struct Known {
    clock: Clock,
    rooms: Mutex<HashMap<SessionId, u16>>,
    asked: Mutex<Asked>,
}

#[derive(Default)]
struct Asked {
    at: HashMap<SeatId, Timestamp>,
    swept: Option<Timestamp>,
}

impl Known {
    /// Nothing yet.
    pub(super) fn new(clock: Clock) -> Self {
        Self { clock, rooms: Mutex::default(), asked: Mutex::default() }
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

    /// Whether the database was asked about all of these a moment ago, so that they may be refused
    /// without asking again. If not, it is taken to be asked now.
    pub(super) fn asked_lately(&self, seats: &[SeatId]) -> bool {
        let now = self.clock.now();
        let mut asked = lock(&self.asked);
        let lately =
            seats.iter().all(|seat| asked.at.get(seat).is_some_and(|at| is_fresh(*at, now)));
        if !lately {
            asked.make_room(now);
            for seat in seats {
                // What does not fit is asked about each time.
                if asked.at.len() < SEATS || asked.at.contains_key(seat) {
                    asked.at.insert(*seat, now);
                }
            }
        }
        lately
    }

    /// What Redis says of these may be wrong: the next refusal asks the database.
    pub(super) fn doubt(&self, seats: &[SeatId]) {
        let mut asked = lock(&self.asked);
        for seat in seats {
            asked.at.remove(seat);
        }
    }
}

impl Asked {
    /// Drops what is idle, at most as often as anything can become idle.
    fn make_room(&mut self, now: Timestamp) {
        if self.at.len() >= SEATS && !self.swept.is_some_and(|at| is_fresh(at, now)) {
            self.at.retain(|_, at| is_fresh(*at, now));
            self.swept = Some(now);
        }
    }
}

/// A time that is ahead is a clock's that stepped back: not to be relied on.
fn is_fresh(at: Timestamp, now: Timestamp) -> bool {
    at <= now && now < at.plus(ASK_EVERY)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use poltrona_domain::SeatNo;
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

    #[test]
    fn a_seat_is_asked_about_once_a_second_and_again_when_in_doubt() {
        let known = known();
        let lately = |seats: &[SeatId]| known.asked_lately(seats);
        assert_eq!([lately(&[seat(1, 1)]), lately(&[seat(1, 1)])], [false, true]);
        assert_eq!([lately(&[seat(1, 1), seat(1, 2)]), lately(&[seat(1, 2)])], [false, true]);
        known.clock.advance(Duration::from_millis(999));
        assert!(lately(&[seat(1, 1)]));
        known.clock.advance(Duration::from_millis(1));
        assert_eq!([lately(&[seat(1, 1)]), lately(&[seat(1, 1)])], [false, true]);
        known.doubt(&[seat(1, 1)]);
        assert!(!lately(&[seat(1, 1)]));
    }

    #[test]
    fn a_clock_that_steps_back_does_not_keep_the_database_from_being_asked() {
        let known = Known::new(Clock::manual(Timestamp::from_millis(10_000)));
        assert!(!known.asked_lately(&[seat(1, 1)]));
        let Clock::Manual(hand) = &known.clock else { panic!("a manual clock") };
        hand.send_replace(Timestamp::from_millis(0));
        assert!(!known.asked_lately(&[seat(1, 1)]));
    }

    #[test]
    fn refusals_of_too_many_seats_go_to_the_database_until_some_are_idle() {
        let known = known();
        for no in 1..=32_767 {
            known.asked_lately(&[seat(1, no), seat(2, no), seat(3, no)]);
        }
        assert_eq!(lock(&known.asked).at.len(), SEATS);
        assert!(!known.asked_lately(&[seat(4, 1)]) && !known.asked_lately(&[seat(4, 1)]));
        known.clock.advance(ASK_EVERY);
        assert!(!known.asked_lately(&[seat(4, 1)]) && known.asked_lately(&[seat(4, 1)]));
        assert_eq!(lock(&known.asked).at.len(), 1);
    }
}
