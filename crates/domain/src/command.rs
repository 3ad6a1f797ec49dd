//! What can be asked of the box office.

use std::time::Duration;

use crate::{
    Reservation, ReservationId, SaleId, SeatId, Session, SessionChange, SessionId, UserId,
};

/// A wish to change something. Ids of what it would create come with it, so that deciding needs no
/// randomness.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Open a session with all its seats free. Its times of creation and closing are ignored: the
    /// decision sets them.
    OpenSession(Session),
    /// Change film, room, start or price of an open session.
    UpdateSession {
        /// Which one.
        session: SessionId,
        /// What to change.
        change: SessionChange,
    },
    /// Close a session in which nothing is held or sold.
    CloseSession {
        /// Which one.
        session: SessionId,
    },
    /// Hold seats for someone, all of them or none.
    Reserve {
        /// The id of the reservation to make.
        reservation: ReservationId,
        /// Which seats.
        seats: SeatSelection,
        /// Whom for.
        user: UserId,
        /// How long.
        hold: Duration,
    },
    /// Pay a reservation: its seats become sold.
    Confirm {
        /// Which one.
        reservation: ReservationId,
        /// The id of the sale to make.
        sale: SaleId,
    },
    /// Give a reservation's seats back.
    Cancel {
        /// Which one.
        reservation: ReservationId,
    },
    /// Hold a reservation's seats for one hold more, from now.
    Extend {
        /// Which one.
        reservation: ReservationId,
        /// How long from now.
        hold: Duration,
    },
    /// Record that a reservation lapsed, and free what it still holds.
    Expire {
        /// Which one.
        reservation: ReservationId,
    },
}

/// One to ten different seats of one session, in the order they were asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeatSelection(Vec<SeatId>);

/// Why seats cannot be reserved together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SelectionError {
    /// No seat at all.
    #[error("no seat was chosen")]
    Empty,
    /// More than [`Reservation::MAX_SEATS`].
    #[error("at most {} seats can be reserved together", Reservation::MAX_SEATS)]
    TooMany,
    /// The same seat twice.
    #[error("seat {0} was chosen twice")]
    Repeated(SeatId),
    /// Seats of more than one session.
    #[error("the seats belong to more than one session")]
    SeveralSessions,
}

impl SeatSelection {
    /// Checks what can be told from the seats' ids alone.
    pub fn new(seats: Vec<SeatId>) -> Result<Self, SelectionError> {
        let first = seats.first().ok_or(SelectionError::Empty)?;
        if seats.len() > Reservation::MAX_SEATS {
            return Err(SelectionError::TooMany);
        }
        if seats.iter().any(|seat| seat.session() != first.session()) {
            return Err(SelectionError::SeveralSessions);
        }
        for (i, seat) in seats.iter().enumerate() {
            if seats[..i].contains(seat) {
                return Err(SelectionError::Repeated(*seat));
            }
        }
        Ok(Self(seats))
    }

    /// The session that all of them belong to.
    pub fn session(&self) -> SessionId {
        self.0[0].session()
    }

    /// The seats, in the order they were asked for.
    pub fn ids(&self) -> &[SeatId] {
        &self.0
    }
}

impl Command {
    /// The session that the command names, if it names one; commands on a reservation do not.
    pub fn session(&self) -> Option<SessionId> {
        match self {
            Self::OpenSession(session) => Some(session.id),
            Self::UpdateSession { session, .. } | Self::CloseSession { session } => Some(*session),
            Self::Reserve { seats, .. } => Some(seats.session()),
            Self::Confirm { .. }
            | Self::Cancel { .. }
            | Self::Extend { .. }
            | Self::Expire { .. } => None,
        }
    }

    /// The existing reservation that the command is about, if any.
    pub fn reservation(&self) -> Option<ReservationId> {
        match self {
            Self::Confirm { reservation, .. }
            | Self::Cancel { reservation }
            | Self::Extend { reservation, .. }
            | Self::Expire { reservation } => Some(*reservation),
            _ => None,
        }
    }
}
