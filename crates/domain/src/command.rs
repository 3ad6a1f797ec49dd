//! The commands that callers send to the box office.

use std::time::Duration;

use crate::id::{ReservationId, SaleId, SeatId, SessionId, UserId};
use crate::reservation::Reservation;
use crate::session::{Precondition, Session, SessionChange};

/// A request to change something. Ids of what it would create come with it, so that deciding needs no
/// randomness.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Open a session with all its seats free. Its version and its times of creation, change and
    /// closing are ignored: the decision sets them.
    OpenSession(Session),
    /// Change film, room, start or price of an open session.
    UpdateSession {
        /// Which one.
        session: SessionId,
        /// The fields to change.
        change: SessionChange,
        /// The condition on the session.
        only_if: Precondition,
    },
    /// Close a session in which nothing is held or sold.
    CloseSession {
        /// Which one.
        session: SessionId,
        /// The condition on the session.
        only_if: Precondition,
    },
    /// Hold seats for someone, all of them or none.
    Reserve {
        /// The id of the reservation to make.
        reservation: ReservationId,
        /// Which seats.
        seats: SeatSelection,
        /// The user they are for.
        user: UserId,
        /// The length of the hold.
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
    /// A duplicate seat.
    #[error("seat {0} was chosen twice")]
    Repeated(SeatId),
    /// Seats of more than one session.
    #[error("the seats belong to more than one session")]
    SeveralSessions,
}

impl SeatSelection {
    /// Checks the rules that need only the seats' ids.
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
            Self::UpdateSession { session, .. } | Self::CloseSession { session, .. } => {
                Some(*session)
            }
            Self::Reserve { seats, .. } => Some(seats.session()),
            Self::Confirm { .. }
            | Self::Cancel { .. }
            | Self::Extend { .. }
            | Self::Expire { .. } => None,
        }
    }

    /// The kind of command: `reserve`, `confirm`, …
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::OpenSession(_) => "open_session",
            Self::UpdateSession { .. } => "update_session",
            Self::CloseSession { .. } => "close_session",
            Self::Reserve { .. } => "reserve",
            Self::Confirm { .. } => "confirm",
            Self::Cancel { .. } => "cancel",
            Self::Extend { .. } => "extend",
            Self::Expire { .. } => "expire",
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

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::id::SeatNo;
    use crate::layout::Layout;
    use crate::money::Cents;
    use crate::time::Timestamp;

    fn session(n: u128) -> SessionId {
        SessionId::mint(Uuid::from_u128(n << 64))
    }

    fn seat(no: u16) -> SeatId {
        session(1).seat(SeatNo::new(no).unwrap())
    }

    #[test]
    fn a_selection_keeps_its_seats_in_order() {
        let ids: Vec<_> = (1..=10).rev().map(seat).collect();
        let selection = SeatSelection::new(ids.clone()).unwrap();
        assert_eq!(selection.ids(), ids);
        assert_eq!(selection.session(), session(1));
    }

    #[test]
    fn seats_that_cannot_be_reserved_together_are_refused() {
        let elsewhere = session(2).seat(SeatNo::new(1).unwrap());
        let refused = |ids: &[SeatId]| SeatSelection::new(ids.to_vec()).unwrap_err();
        assert_eq!(refused(&[]), SelectionError::Empty);
        let eleven: Vec<_> = (1..=11).map(seat).collect();
        assert_eq!(refused(&eleven), SelectionError::TooMany);
        assert_eq!(refused(&[seat(1), elsewhere]), SelectionError::SeveralSessions);
        assert_eq!(refused(&[seat(1), seat(2), seat(1)]), SelectionError::Repeated(seat(1)));
        assert_eq!(
            SelectionError::TooMany.to_string(),
            "at most 10 seats can be reserved together"
        );
    }

    #[test]
    fn a_command_names_its_session_or_its_reservation() {
        let reservation = ReservationId::from_uuid(Uuid::from_u128(7));
        let sale = SaleId::from_uuid(Uuid::from_u128(8));
        let opened = Session {
            id: session(1),
            movie: String::new(),
            room: String::new(),
            starts_at: Timestamp::from_millis(0),
            price: Cents::ZERO,
            layout: Layout::new(16).unwrap(),
            version: Session::FIRST_VERSION,
            changed_at: Timestamp::from_millis(0),
            created_at: Timestamp::from_millis(0),
            closed_at: None,
        };
        let hold = Duration::from_secs(30);
        let seats = SeatSelection::new(vec![seat(1)]).unwrap();
        let user = UserId::new("ana");
        for command in [
            Command::OpenSession(opened),
            Command::UpdateSession {
                session: session(1),
                change: SessionChange::default(),
                only_if: Precondition::default(),
            },
            Command::CloseSession { session: session(1), only_if: Precondition::default() },
            Command::Reserve { reservation, seats, user, hold },
        ] {
            assert_eq!((command.session(), command.reservation()), (Some(session(1)), None));
        }
        for command in [
            Command::Confirm { reservation, sale },
            Command::Cancel { reservation },
            Command::Extend { reservation, hold },
            Command::Expire { reservation },
        ] {
            assert_eq!((command.session(), command.reservation()), (None, Some(reservation)));
        }
    }
}
