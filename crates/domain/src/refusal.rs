//! Why a rule refuses a command.

use crate::id::{ReservationId, SeatId, SessionId, UserId};
use crate::time::Timestamp;

/// A rule refused the command. Nothing was changed.
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
    /// The session is not as the caller requires; somebody else changed it.
    #[error("session {0} was changed")]
    SessionChanged(SessionId),
    /// Seats that no open session has.
    #[error("{} seats not found", .0.len())]
    SeatsNotFound(Vec<SeatId>),
    /// Requested seats that are held or sold, each with the reason. The others were free.
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeatTaken {
    /// Which seat.
    pub seat: SeatId,
    /// When trying again may help: the end of the hold; `None` for a sold seat, where it never will.
    pub retry_at: Option<Timestamp>,
    /// The user who holds the seat, if known. Other users never see it: it shows to whom this
    /// refusal may be repeated.
    pub holder: Option<UserId>,
    /// The reservation that holds the seat, when the user who asked is its holder.
    pub own: Option<ReservationId>,
}

impl SeatTaken {
    /// A seat that is sold.
    pub const fn sold(seat: SeatId) -> Self {
        Self { seat, retry_at: None, holder: None, own: None }
    }

    /// A seat that somebody else holds until `retry_at`.
    pub const fn held(seat: SeatId, retry_at: Timestamp) -> Self {
        Self { seat, retry_at: Some(retry_at), holder: None, own: None }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::id::SeatNo;

    #[test]
    fn a_refusal_says_what_stood_in_the_way() {
        let reservation = ReservationId::from_uuid(Uuid::from_u128(7));
        let session = SessionId::mint(Uuid::from_u128(1 << 64));
        let seat = session.seat(SeatNo::new(1).unwrap());
        let message = |refusal: Refusal| refusal.to_string();
        assert_eq!(
            message(Refusal::SessionInUse { session, held: 1, sold: 2 }),
            "session 00000000-0000-0001-0000-000000000000 has 1 held and 2 sold seats"
        );
        assert_eq!(message(Refusal::SeatsNotFound(vec![seat, seat])), "2 seats not found");
        assert_eq!(message(Refusal::SeatsTaken(vec![SeatTaken::sold(seat)])), "1 seats taken");
        assert_eq!(
            message(Refusal::ReservationNotFound(reservation)),
            "reservation 00000000-0000-0000-0000-000000000007 not found"
        );
    }
}
