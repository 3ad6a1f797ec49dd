//! A seat of a session, and its status at an instant.

use crate::id::{ReservationId, SeatId};
use crate::time::Timestamp;

/// A seat of one session, as it was last written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seat {
    /// Its id.
    pub id: SeatId,
    /// Its last recorded state; time may have passed since, see [`Seat::status_at`].
    pub state: SeatState,
    /// How many times it changed. It orders messages about the seat that arrive out of order, and
    /// guards every write: a seat is only written over the version that was read.
    pub version: i64,
}

/// The last recorded state of a seat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeatState {
    /// Never held, or freed again.
    Available,
    /// Held for a reservation until an instant; from that instant on it is free again, whether or
    /// not anything has been written about it.
    Held {
        /// The reservation that holds it.
        by: ReservationId,
        /// The first instant at which it is free.
        until: Timestamp,
    },
    /// Sold, for good.
    Sold {
        /// The reservation that was paid.
        by: ReservationId,
    },
}

/// The status of a seat at an instant, as callers see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SeatStatus {
    /// Anyone may reserve it.
    Available,
    /// A live hold keeps it for someone.
    Reserved,
    /// It has an owner.
    Sold,
}

impl Seat {
    /// A seat as a session opens with it.
    pub const fn new(id: SeatId) -> Self {
        Self { id, state: SeatState::Available, version: 0 }
    }

    /// The status of the seat at `now`. Expiry is this one comparison.
    pub fn status_at(&self, now: Timestamp) -> SeatStatus {
        match self.state {
            SeatState::Sold { .. } => SeatStatus::Sold,
            SeatState::Held { until, .. } if now < until => SeatStatus::Reserved,
            SeatState::Held { .. } | SeatState::Available => SeatStatus::Available,
        }
    }

    /// Whether the seat still points to this reservation's hold, lapsed or not.
    pub fn is_held_by(&self, reservation: ReservationId) -> bool {
        matches!(self.state, SeatState::Held { by, .. } if by == reservation)
    }

    /// The seat after a change to `state`: one version on.
    #[must_use]
    pub const fn changed_to(&self, state: SeatState) -> Self {
        Self { id: self.id, state, version: self.version + 1 }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::id::{SeatNo, SessionId};

    #[test]
    fn only_a_hold_changes_with_time_and_only_a_hold_is_held() {
        let id = SessionId::mint(Uuid::from_u128(1 << 64)).seat(SeatNo::new(1).unwrap());
        let [by, other] = [1, 2].map(|n| ReservationId::from_uuid(Uuid::from_u128(n)));
        let [before, until, after] = [9, 10, 11].map(Timestamp::from_millis);
        let free = Seat::new(id);
        let held = free.changed_to(SeatState::Held { by, until });
        let sold = held.changed_to(SeatState::Sold { by });
        assert_eq!([free.version, held.version, sold.version], [0, 1, 2]);
        let over_time = |seat: Seat| [before, until, after].map(|now| seat.status_at(now));
        assert_eq!(over_time(free), [SeatStatus::Available; 3]);
        assert_eq!(
            over_time(held),
            [SeatStatus::Reserved, SeatStatus::Available, SeatStatus::Available]
        );
        assert_eq!(over_time(sold), [SeatStatus::Sold; 3]);
        assert_eq!([free, held, sold].map(|seat| seat.is_held_by(by)), [false, true, false]);
        assert!(!held.is_held_by(other));
    }
}
