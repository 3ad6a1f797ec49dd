//! The events that decisions produce, for the rest of the world.

use crate::id::{ReservationId, SessionId, UserId};
use crate::reservation::Reservation;
use crate::sale::Sale;
use crate::seat::Seat;
use crate::session::Session;
use crate::time::Timestamp;

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
        /// The sale that it became.
        sale: Sale,
        /// Its seats, sold.
        seats: Vec<Seat>,
    },
    /// Seats became free, by a cancellation or a lapse.
    SeatReleased {
        /// The reservation that held them.
        reservation: ReservationId,
        /// The user it was for.
        user: UserId,
        /// The seats, free.
        seats: Vec<Seat>,
        /// When they were freed.
        at: Timestamp,
    },
}

/// The kind of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EventKind {
    /// A session opened.
    SessionCreated,
    /// A session's film, room, start or price changed.
    SessionUpdated,
    /// A session closed.
    SessionClosed,
    /// Seats were held.
    ReservationCreated,
    /// A hold was given more time.
    ReservationExtended,
    /// A reservation was given back.
    ReservationCancelled,
    /// A reservation lapsed.
    ReservationExpired,
    /// A reservation was paid.
    PaymentConfirmed,
    /// Seats became free.
    SeatReleased,
}

impl EventKind {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::SessionCreated,
        Self::SessionUpdated,
        Self::SessionClosed,
        Self::ReservationCreated,
        Self::ReservationExtended,
        Self::ReservationCancelled,
        Self::ReservationExpired,
        Self::PaymentConfirmed,
        Self::SeatReleased,
    ];

    /// Its name, as subscribers know it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SessionCreated => "session.created",
            Self::SessionUpdated => "session.updated",
            Self::SessionClosed => "session.closed",
            Self::ReservationCreated => "reservation.created",
            Self::ReservationExtended => "reservation.extended",
            Self::ReservationCancelled => "reservation.cancelled",
            Self::ReservationExpired => "reservation.expired",
            Self::PaymentConfirmed => "payment.confirmed",
            Self::SeatReleased => "seat.released",
        }
    }

    /// The kind of this name; `None` when there is none.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

impl Event {
    /// The kind of this event.
    pub const fn kind(&self) -> EventKind {
        match self {
            Self::SessionCreated(_) => EventKind::SessionCreated,
            Self::SessionUpdated(_) => EventKind::SessionUpdated,
            Self::SessionClosed(_) => EventKind::SessionClosed,
            Self::ReservationCreated { .. } => EventKind::ReservationCreated,
            Self::ReservationExtended { .. } => EventKind::ReservationExtended,
            Self::ReservationCancelled { .. } => EventKind::ReservationCancelled,
            Self::ReservationExpired { .. } => EventKind::ReservationExpired,
            Self::PaymentConfirmed { .. } => EventKind::PaymentConfirmed,
            Self::SeatReleased { .. } => EventKind::SeatReleased,
        }
    }

    /// The event's name, as subscribers know it.
    pub const fn name(&self) -> &'static str {
        self.kind().name()
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

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::id::{SaleId, SeatNo};
    use crate::layout::Layout;
    use crate::money::Cents;
    use crate::reservation::ReservationStatus;

    const START: Timestamp = Timestamp::from_millis(0);

    fn session() -> Session {
        Session {
            id: SessionId::mint(Uuid::from_u128(1 << 64)),
            movie: String::new(),
            room: String::new(),
            starts_at: START,
            price: Cents::ZERO,
            layout: Layout::new(16).unwrap(),
            version: Session::FIRST_VERSION,
            changed_at: START,
            created_at: START,
            closed_at: None,
        }
    }

    fn reservation() -> Reservation {
        Reservation {
            id: ReservationId::from_uuid(Uuid::from_u128(7)),
            session: session().id,
            showing: session().showing(),
            seats: vec![SeatNo::new(1).unwrap()],
            user: UserId::new("ana"),
            total: Cents::ZERO,
            status: ReservationStatus::Pending,
            created_at: START,
            expires_at: START,
            extensions: 0,
        }
    }

    fn sale() -> Sale {
        Sale {
            id: SaleId::from_uuid(Uuid::from_u128(8)),
            reservation: reservation().id,
            session: session().id,
            seats: reservation().seats,
            user: reservation().user,
            total: Cents::ZERO,
            movie: String::new(),
            room: String::new(),
            starts_at: START,
            paid_at: START,
        }
    }

    #[test]
    fn an_event_knows_its_name_and_the_rows_that_it_leaves() {
        let seats: Vec<_> = reservation().seat_ids().map(Seat::new).collect();
        let released = Event::SeatReleased {
            reservation: reservation().id,
            user: reservation().user,
            seats: seats.clone(),
            at: START,
        };
        let (reservation, seats) = (reservation(), seats);
        let with_seats = || (reservation.clone(), seats.clone());
        let created = {
            let (reservation, seats) = with_seats();
            Event::ReservationCreated { reservation, seats }
        };
        let extended = {
            let (reservation, seats) = with_seats();
            Event::ReservationExtended { reservation, seats }
        };
        let confirmed = {
            let (reservation, seats) = with_seats();
            Event::PaymentConfirmed { reservation, sale: sale(), seats }
        };
        let cancelled = Event::ReservationCancelled { reservation: reservation.clone() };
        let expired = Event::ReservationExpired { reservation: reservation.clone() };
        // Each with its name, and whether it leaves seats and a reservation.
        for (event, name, has_seats, has_reservation) in [
            (Event::SessionCreated(session()), "session.created", false, false),
            (Event::SessionUpdated(session()), "session.updated", false, false),
            (Event::SessionClosed(session()), "session.closed", false, false),
            (created, "reservation.created", true, true),
            (extended, "reservation.extended", true, true),
            (cancelled, "reservation.cancelled", false, true),
            (expired, "reservation.expired", false, true),
            (confirmed, "payment.confirmed", true, true),
            (released, "seat.released", true, false),
        ] {
            assert_eq!(event.name(), name);
            assert_eq!(EventKind::of_name(name), Some(event.kind()));
            assert_eq!(event.seats(), if has_seats { &seats[..] } else { &[] }, "{name}");
            assert_eq!(event.reservation(), has_reservation.then_some(&reservation), "{name}");
            assert_eq!(event.session(), Some(session().id), "{name}");
        }
    }
}
