//! The rows that a decision reads.

use std::collections::BTreeMap;

use crate::id::{ReservationId, SaleId, SeatId, SessionId};
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
    /// Sales made by this batch; decisions do not need the others.
    pub sales: BTreeMap<SaleId, Sale>,
}

impl Facts {
    /// The session, unless it is unknown or closed.
    pub fn open_session(&self, id: SessionId) -> Option<&Session> {
        self.sessions.get(&id).filter(|session| session.is_open())
    }
}
