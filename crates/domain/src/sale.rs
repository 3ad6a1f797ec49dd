//! A sale: the record of a paid reservation.

use crate::id::{ReservationId, SaleId, SeatId, SeatNo, SessionId, UserId};
use crate::money::Cents;
use crate::time::Timestamp;

/// Seats sold to someone. It keeps film, room, start and price as they were when the seats were
/// held, even if the session changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sale {
    /// Its id.
    pub id: SaleId,
    /// The reservation that was paid.
    pub reservation: ReservationId,
    /// The session of its seats.
    pub session: SessionId,
    /// Its seats, in the order they were asked for.
    pub seats: Vec<SeatNo>,
    /// The user who bought them.
    pub user: UserId,
    /// The price of all seats together.
    pub total: Cents,
    /// The film's title when its seats were held.
    pub movie: String,
    /// The room's name when its seats were held.
    pub room: String,
    /// When the film was to start when its seats were held.
    pub starts_at: Timestamp,
    /// When it was paid.
    pub paid_at: Timestamp,
}

impl Sale {
    /// The ids of its seats, in the order they were asked for.
    pub fn seat_ids(&self) -> impl Iterator<Item = SeatId> {
        self.seats.iter().map(|no| self.session.seat(*no))
    }

    /// The price of each of its seats.
    pub fn seat_price(&self) -> Cents {
        self.total.share(self.seats.len())
    }
}
