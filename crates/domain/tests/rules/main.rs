//! The rules, one story a test: a command, its time, and its exact answer.

mod give_back;
mod pay;
mod prolong;
mod reserve;
mod sessions;
mod unsteady_clock;

use std::time::Duration;

use poltrona_domain::{
    Actor, Cents, Command, Event, Facts, Layout, Precondition, Refusal, Reservation, ReservationId,
    SaleId, Seat, SeatId, SeatNo, SeatSelection, SeatState, Session, SessionChange, SessionId,
    Timestamp, UserId, apply, decide,
};
use uuid::Uuid;

/// When every story begins.
const START_MILLIS: i64 = 1_790_000_000_000;
/// The length of a hold in these tests.
const HOLD: Duration = Duration::from_secs(30);

type Answer = Result<Vec<Event>, Refusal>;

/// A box office with one session of sixteen seats at 25.50, and a clock that the story moves.
struct BoxOffice {
    facts: Facts,
    now: Timestamp,
}

impl BoxOffice {
    fn open() -> Self {
        let mut office = Self { facts: Facts::default(), now: at(0) };
        office.ask(&Command::OpenSession(session(1))).expect("a session opens");
        office
    }

    /// Moves the clock to this many milliseconds after the start.
    fn clock(&mut self, millis: i64) -> &mut Self {
        self.now = at(millis);
        self
    }

    fn ask(&mut self, command: &Command) -> Answer {
        let answer = decide(&self.facts, &Actor::Anyone, command, self.now);
        for event in answer.iter().flatten() {
            apply(&mut self.facts, event);
        }
        answer
    }

    /// Ana asks for these seats of session 1, as reservation `n`.
    fn reserve(&mut self, n: u128, seats: &[u16]) -> Answer {
        self.reserve_for("ana", n, seats)
    }

    /// A user asks for these seats of session 1, as reservation `n`.
    fn reserve_for(&mut self, user: &str, n: u128, seats: &[u16]) -> Answer {
        self.ask(&Command::Reserve {
            reservation: reservation_id(n),
            seats: selection(1, seats),
            user: UserId::new(user),
            hold: HOLD,
        })
    }

    /// Pays a reservation; the sale gets its number.
    fn confirm(&mut self, n: u128) -> Answer {
        self.ask(&Command::Confirm { reservation: reservation_id(n), sale: sale_id(n) })
    }

    fn cancel(&mut self, n: u128) -> Answer {
        self.ask(&Command::Cancel { reservation: reservation_id(n) })
    }

    fn extend(&mut self, n: u128) -> Answer {
        self.ask(&Command::Extend { reservation: reservation_id(n), hold: HOLD })
    }

    fn expire(&mut self, n: u128) -> Answer {
        self.ask(&Command::Expire { reservation: reservation_id(n) })
    }

    fn close(&mut self) -> Answer {
        self.ask(&Command::CloseSession {
            session: session_id(1),
            only_if: Precondition::default(),
        })
    }

    fn update(&mut self, change: SessionChange) -> Answer {
        self.ask(&Command::UpdateSession {
            session: session_id(1),
            change,
            only_if: Precondition::default(),
        })
    }

    fn reservation(&self, n: u128) -> &Reservation {
        &self.facts.reservations[&reservation_id(n)]
    }

    fn seat(&self, no: u16) -> Seat {
        self.facts.seats[&seat_id(1, no)]
    }
}

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(START_MILLIS + millis)
}

fn session(n: u128) -> Session {
    Session {
        id: session_id(n),
        movie: "Central do Brasil".to_owned(),
        room: "Sala 1".to_owned(),
        starts_at: at(7_200_000),
        price: Cents::new(2_550),
        layout: Layout::new(16).expect("sixteen seats are a room"),
        version: Session::FIRST_VERSION,
        changed_at: at(0),
        created_at: at(0),
        closed_at: None,
    }
}

fn session_id(n: u128) -> SessionId {
    SessionId::mint(Uuid::from_u128(n << 64))
}

fn reservation_id(n: u128) -> ReservationId {
    ReservationId::from_uuid(Uuid::from_u128(n))
}

fn sale_id(n: u128) -> SaleId {
    SaleId::from_uuid(Uuid::from_u128(n))
}

fn no(no: u16) -> SeatNo {
    SeatNo::new(no).expect("seats count from 1")
}

fn seat_id(session: u128, seat: u16) -> SeatId {
    session_id(session).seat(no(seat))
}

fn selection(session: u128, seats: &[u16]) -> SeatSelection {
    let ids = seats.iter().map(|seat| seat_id(session, *seat)).collect();
    SeatSelection::new(ids).expect("different seats of one session")
}

/// A seat of session 1.
fn seat(no: u16, state: SeatState, version: i64) -> Seat {
    Seat { id: seat_id(1, no), state, version }
}

fn held(by: u128, until_millis: i64) -> SeatState {
    SeatState::Held { by: reservation_id(by), until: at(until_millis) }
}

fn sold(by: u128) -> SeatState {
    SeatState::Sold { by: reservation_id(by) }
}
