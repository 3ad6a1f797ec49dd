//! The rows that a decision reads.

use std::collections::BTreeMap;

use crate::id::{ReservationId, SaleId, SeatId, SessionId, UserId};
use crate::reservation::Reservation;
use crate::sale::Sale;
use crate::seat::Seat;
use crate::session::Session;

/// The rows that a batch of commands is about, as they are now: loaded by a store, changed only by
/// [`apply`](crate::apply()). What is absent does not exist.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Sessions, closed ones included.
    pub sessions: BTreeMap<SessionId, Session>,
    /// Sessions as they were before this batch changed them, by version. Older versions are not loaded.
    pub past_sessions: BTreeMap<(SessionId, u32), Session>,
    /// Seats. For [`CloseSession`](crate::Command::CloseSession), all of the session's.
    pub seats: BTreeMap<SeatId, Seat>,
    /// Reservations.
    pub reservations: BTreeMap<ReservationId, Reservation>,
    /// The users of reservations that hold a requested seat, for reservations that were not loaded.
    /// One that is missing here belongs to another user.
    pub holders: BTreeMap<ReservationId, UserId>,
    /// Sales made by this batch; decisions do not need the others.
    pub sales: BTreeMap<SaleId, Sale>,
}

impl Facts {
    /// The session, unless it is unknown or closed.
    pub fn open_session(&self, id: SessionId) -> Option<&Session> {
        self.sessions.get(&id).filter(|session| session.is_open())
    }

    /// The user of a reservation that holds a seat, if it is known.
    pub fn holder(&self, id: ReservationId) -> Option<&UserId> {
        let reservation = self.reservations.get(&id).map(|reservation| &reservation.user);
        reservation.or_else(|| self.holders.get(&id))
    }
}
