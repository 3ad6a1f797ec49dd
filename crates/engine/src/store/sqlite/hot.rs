//! Rows that the writer read or wrote a moment ago, as the file has them.
//!
//! Only the writer changes these tables, so it need not read again what it has just written: of a
//! reservation that is being paid, or a seat that many want. The rows are kept when a transaction has
//! committed and forgotten when one failed, or when another program wrote into the file.
//!
//! Seats are kept with the reservation that has them. The oldest reservations leave first: their ids are in
//! the order of time.

use std::collections::BTreeMap;

use poltrona_domain::{
    Facts, Reservation, ReservationId, Seat, SeatId, SeatState, Session, SessionId,
};
use rapidhash::RapidHashMap;

/// How many sessions are kept: less than half a kilobyte each.
const SESSIONS: usize = 65_536;
/// How many reservations are kept, with their seats: about half a kilobyte each.
const RESERVATIONS: usize = 16_384;

/// Rows as the last commit left them.
#[derive(Default)]
pub(super) struct Hot {
    pub(super) sessions: BTreeMap<SessionId, Session>,
    pub(super) reservations: BTreeMap<ReservationId, Reservation>,
    /// They come and go in no order, which a hash map bears best.
    pub(super) seats: RapidHashMap<SeatId, Seat>,
    /// SQLite's counter of other connections' commits, when the rows were read.
    data_version: i64,
}

impl Hot {
    /// Forgets all rows if another connection has written since the last call.
    pub(super) fn check(&mut self, data_version: i64) {
        if self.data_version != data_version {
            *self = Self { data_version, ..Self::default() };
        }
    }

    /// Forgets all rows.
    pub(super) fn forget(&mut self) {
        self.sessions.clear();
        self.reservations.clear();
        self.seats.clear();
    }

    /// Keeps the rows of a transaction that has committed.
    pub(super) fn keep(&mut self, facts: Facts) {
        self.sessions.extend(facts.sessions);
        while self.sessions.len() > SESSIONS {
            self.sessions.pop_first();
        }
        self.reservations.extend(facts.reservations);
        for (id, seat) in facts.seats {
            let is_kept = owner(&seat).is_some_and(|by| self.reservations.contains_key(&by));
            if is_kept {
                self.seats.insert(id, seat);
            } else {
                self.seats.remove(&id);
            }
        }
        while self.reservations.len() > RESERVATIONS
            && let Some((id, reservation)) = self.reservations.pop_first()
        {
            self.leave(id, &reservation);
        }
    }

    /// Removes the seats of a reservation that is no longer kept.
    fn leave(&mut self, id: ReservationId, reservation: &Reservation) {
        for seat in reservation.seat_ids() {
            if self.seats.get(&seat).and_then(owner) == Some(id) {
                self.seats.remove(&seat);
            }
        }
    }
}

const fn owner(seat: &Seat) -> Option<ReservationId> {
    match seat.state {
        SeatState::Available => None,
        SeatState::Held { by, .. } | SeatState::Sold { by } => Some(by),
    }
}

#[cfg(test)]
mod tests {
    use poltrona_domain::{Cents, ReservationStatus, SeatNo, Showing, Timestamp, UserId};
    use uuid::Uuid;

    use super::*;

    fn session() -> SessionId {
        SessionId::mint(Uuid::from_u128(1 << 64))
    }

    /// The facts of a reservation that has one seat.
    fn reserved(reservation: u128, no: u16) -> Facts {
        let (id, no) = (ReservationId::from_uuid(Uuid::from_u128(reservation)), SeatNo::new(no));
        let (no, at) = (no.unwrap(), Timestamp::from_millis(0));
        let row = Reservation {
            id,
            session: session(),
            showing: Showing {
                version: 1,
                movie: String::new(),
                room: String::new(),
                starts_at: at,
            },
            seats: vec![no],
            user: UserId::new("ana"),
            total: Cents::new(1),
            status: ReservationStatus::Pending,
            created_at: at,
            expires_at: at,
            extensions: 0,
        };
        let seat = session().seat(no);
        let state = SeatState::Held { by: id, until: at };
        Facts {
            reservations: [(id, row)].into(),
            seats: [(seat, Seat { id: seat, state, version: 1 })].into(),
            ..Facts::default()
        }
    }

    #[test]
    fn seats_stay_as_long_as_their_reservation() {
        let mut hot = Hot::default();
        for number in 1..=RESERVATIONS as u128 + 10 {
            hot.keep(reserved(number, u16::try_from(number % 32_000).unwrap() + 1));
        }
        assert_eq!((hot.reservations.len(), hot.seats.len()), (RESERVATIONS, RESERVATIONS));
        assert!(!hot.reservations.contains_key(&ReservationId::from_uuid(Uuid::from_u128(10))));
    }

    #[test]
    fn a_seat_that_was_taken_over_stays_with_its_new_reservation() {
        let mut hot = Hot::default();
        hot.keep(reserved(1, 7));
        hot.keep(reserved(2, 7));
        hot.leave(
            ReservationId::from_uuid(Uuid::from_u128(1)),
            &hot.reservations.clone().into_values().next().unwrap(),
        );
        assert_eq!(hot.seats.len(), 1);
    }

    #[test]
    fn a_free_seat_is_not_kept() {
        let mut hot = Hot::default();
        hot.keep(reserved(1, 7));
        let seat = *hot.seats.keys().next().unwrap();
        let free = Seat { id: seat, state: SeatState::Available, version: 2 };
        hot.keep(Facts { seats: [(seat, free)].into(), ..Facts::default() });
        assert_eq!((hot.seats.len(), hot.reservations.len()), (0, 1));
    }

    #[test]
    fn another_programs_commit_makes_all_rows_doubtful() {
        let mut hot = Hot::default();
        hot.check(3);
        hot.keep(reserved(1, 7));
        hot.check(3);
        assert_eq!(hot.reservations.len(), 1);
        hot.check(4);
        assert_eq!((hot.reservations.len(), hot.seats.len()), (0, 0));
    }
}
