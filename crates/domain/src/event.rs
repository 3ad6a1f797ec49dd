//! What happened, as the rest of the world is told.

use crate::{Reservation, ReservationId, Sale, Seat, Session, SessionId, Timestamp, UserId};

/// A change that the rules allowed. Each carries the rows it leaves behind, whole: applying it is
/// writing them down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A session opened, with every seat of its layout free.
    SessionCreated(Session),
    /// A session's film, room, start or price changed.
    SessionUpdated(Session),
    /// A session closed.
    SessionClosed(Session),
    /// Seats were held.
    ReservationCreated {
        /// The new reservation.
        reservation: Reservation,
        /// Its seats, held.
        seats: Vec<Seat>,
    },
    /// A hold was given more time.
    ReservationExtended {
        /// The reservation with its new `expires_at`.
        reservation: Reservation,
        /// Its seats, held for longer.
        seats: Vec<Seat>,
    },
    /// A reservation was given back. Its seats follow in a [`Event::SeatReleased`].
    ReservationCancelled {
        /// The reservation, cancelled.
        reservation: Reservation,
    },
    /// A reservation lapsed. The seats that nobody took since follow in a [`Event::SeatReleased`].
    ReservationExpired {
        /// The reservation, expired.
        reservation: Reservation,
    },
    /// A reservation was paid.
    PaymentConfirmed {
        /// The reservation, confirmed.
        reservation: Reservation,
        /// What it became.
        sale: Sale,
        /// Its seats, sold.
        seats: Vec<Seat>,
    },
    /// Seats became free, by a cancellation or a lapse.
    SeatReleased {
        /// The reservation that held them.
        reservation: ReservationId,
        /// Whose it was.
        user: UserId,
        /// The seats, free.
        seats: Vec<Seat>,
        /// When they were freed.
        at: Timestamp,
    },
}

impl Event {
    /// The event's name, as subscribers know it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::SessionCreated(_) => "session.created",
            Self::SessionUpdated(_) => "session.updated",
            Self::SessionClosed(_) => "session.closed",
            Self::ReservationCreated { .. } => "reservation.created",
            Self::ReservationExtended { .. } => "reservation.extended",
            Self::ReservationCancelled { .. } => "reservation.cancelled",
            Self::ReservationExpired { .. } => "reservation.expired",
            Self::PaymentConfirmed { .. } => "payment.confirmed",
            Self::SeatReleased { .. } => "seat.released",
        }
    }

    /// The seats as the event leaves them.
    pub fn seats(&self) -> &[Seat] {
        match self {
            Self::ReservationCreated { seats, .. }
            | Self::ReservationExtended { seats, .. }
            | Self::PaymentConfirmed { seats, .. }
            | Self::SeatReleased { seats, .. } => seats,
            _ => &[],
        }
    }

    /// The reservation as the event leaves it.
    pub const fn reservation(&self) -> Option<&Reservation> {
        match self {
            Self::ReservationCreated { reservation, .. }
            | Self::ReservationExtended { reservation, .. }
            | Self::ReservationCancelled { reservation }
            | Self::ReservationExpired { reservation }
            | Self::PaymentConfirmed { reservation, .. } => Some(reservation),
            _ => None,
        }
    }

    /// The session that the event belongs to.
    pub fn session(&self) -> Option<SessionId> {
        match self {
            Self::SessionCreated(session)
            | Self::SessionUpdated(session)
            | Self::SessionClosed(session) => Some(session.id),
            Self::SeatReleased { seats, .. } => seats.first().map(|seat| seat.id.session()),
            other => other.reservation().map(|reservation| reservation.session),
        }
    }
}
