//! A reservation: seats of one session, kept for someone for a while.

use crate::id::{ReservationId, SeatId, SeatNo, SessionId, UserId};
use crate::money::Cents;
use crate::session::Showing;
use crate::time::Timestamp;

/// Seats of one session kept for someone until an instant, to be paid for before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reservation {
    /// Its id.
    pub id: ReservationId,
    /// The session of its seats.
    pub session: SessionId,
    /// The showing, as it was when the seats were held.
    pub showing: Showing,
    /// Its seats, in the order they were asked for.
    pub seats: Vec<SeatNo>,
    /// The user it is for.
    pub user: UserId,
    /// The price of all its seats together, fixed when it was made.
    pub total: Cents,
    /// Its last recorded status; time may have passed since, see [`Reservation::status_at`].
    pub status: ReservationStatus,
    /// When it was made.
    pub created_at: Timestamp,
    /// The first instant at which it cannot be paid any more.
    pub expires_at: Timestamp,
    /// How many times it was extended.
    pub extensions: u8,
}

/// The status of a reservation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReservationStatus {
    /// Waiting to be paid.
    Pending,
    /// Paid: its seats are sold.
    Confirmed,
    /// Not paid in time.
    Expired,
    /// Given back by its owner.
    Cancelled,
}

impl Reservation {
    /// How many seats one reservation may hold.
    pub const MAX_SEATS: usize = 10;
    /// How many times a reservation may be extended. WCAG 2.2.1 asks for ten unless the limit is
    /// essential, as it is for a seat that others want.
    pub const MAX_EXTENSIONS: u8 = 3;

    /// The status of the reservation at `now`: a pending one is expired from its `expires_at` on.
    pub fn status_at(&self, now: Timestamp) -> ReservationStatus {
        match self.status {
            ReservationStatus::Pending if now >= self.expires_at => ReservationStatus::Expired,
            status => status,
        }
    }

    /// The ids of its seats, in the order they were asked for.
    pub fn seat_ids(&self) -> impl Iterator<Item = SeatId> {
        self.seats.iter().map(|no| self.session.seat(*no))
    }

    /// The price of each of its seats.
    pub fn seat_price(&self) -> Cents {
        self.total.share(self.seats.len())
    }
}
