//! Why the rules said no.

use crate::{ReservationId, SeatId, SessionId, Timestamp};

/// A rule said no. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No such session, or it is closed.
    #[error("session {0} not found")]
    SessionNotFound(SessionId),
    /// A session with live holds or sales cannot be closed.
    #[error("session {session} has {held} held and {sold} sold seats")]
    SessionInUse {
        /// Which session.
        session: SessionId,
        /// How many seats are held now.
        held: usize,
        /// How many seats are sold.
        sold: usize,
    },
    /// Seats that no open session has.
    #[error("{} seats not found", .0.len())]
    SeatsNotFound(Vec<SeatId>),
    /// Seats that someone else has, each with why. The others of the same wish were free.
    #[error("{} seats taken", .0.len())]
    SeatsTaken(Vec<SeatTaken>),
    /// No such reservation.
    #[error("reservation {0} not found")]
    ReservationNotFound(ReservationId),
    /// It was already paid.
    #[error("reservation {0} already confirmed")]
    ReservationConfirmed(ReservationId),
    /// Its time is over.
    #[error("reservation {0} expired")]
    ReservationExpired(ReservationId),
    /// It was given back.
    #[error("reservation {0} cancelled")]
    ReservationCancelled(ReservationId),
    /// It was extended as often as the rules allow.
    #[error("reservation {0} cannot be extended again")]
    ExtensionRefused(ReservationId),
    /// It cannot expire yet.
    #[error("reservation {reservation} is still live")]
    NotLapsed {
        /// Which reservation.
        reservation: ReservationId,
        /// When it will be over.
        expires_at: Timestamp,
    },
}

/// A seat that stood in the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeatTaken {
    /// Which seat.
    pub seat: SeatId,
    /// When trying again may help: the end of the hold; `None` for a sold seat, where it never will.
    pub retry_at: Option<Timestamp>,
}
