//! Facts and commands that cannot occur: rows that are missing or contradict each other, ids used
//! twice, the first and the last instants. The rules must still answer, and not panic.

use std::time::Duration;

use poltrona_domain::{
    Actor, Cents, Command, Event, Facts, Layout, Precondition, Reservation, ReservationId,
    ReservationStatus, SaleId, Seat, SeatNo, SeatSelection, SeatState, Session, SessionChange,
    Timestamp, UserId, apply, decide,
};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::subsequence;
use uuid::Uuid;

use crate::story::{reservation_id, session_id};

/// How many ids there are of each kind.
const POOL: usize = 3;

proptest! {
    #![proptest_config(crate::stories(2_048))]

    #[test]
    fn the_rules_answer_whatever_the_facts(
        facts in facts(),
        commands in vec((command(), instant()), 1..8),
    ) {
        let mut facts = facts;
        for (command, now) in commands {
            let answer = decide(&facts, &Actor::Anyone, &command, now);
            prop_assert_eq!(&answer, &decide(&facts, &Actor::Anyone, &command, now));
            for event in answer.iter().flatten() {
                for seat in event.seats() {
                    let known = facts.seats.get(&seat.id).map(|known| known.version + 1);
                    prop_assert_eq!(known, Some(seat.version), "a seat out of nowhere");
                }
                if let Event::SeatReleased { seats, .. } = event {
                    prop_assert!(!seats.is_empty(), "a release of no seat");
                }
                apply(&mut facts, event);
            }
        }
    }
}

fn facts() -> impl Strategy<Value = Facts> {
    let sessions = vec(proptest::option::of((price(), proptest::option::of(instant()))), POOL);
    let seats = vec(proptest::option::of((seat_state(), 0..9_i64)), POOL * 16);
    let reservations = vec(proptest::option::of(reservation()), POOL);
    (sessions, seats, reservations).prop_map(|(sessions, seats, reservations)| {
        let mut facts = Facts::default();
        for (n, row) in sessions.into_iter().enumerate() {
            if let Some((price, closed_at)) = row {
                let session = Session { closed_at, ..session(n, price) };
                facts.sessions.insert(session.id, session);
            }
        }
        for (n, row) in seats.into_iter().enumerate() {
            if let Some((state, version)) = row {
                let no = u16::try_from(n % 16 + 1).ok().and_then(SeatNo::new);
                let id = session_id(n / 16).seat(no.expect("1 to 16"));
                facts.seats.insert(id, Seat { id, state, version });
            }
        }
        for (n, row) in reservations.into_iter().enumerate() {
            if let Some(reservation) = row {
                let id = reservation_id(n as u128);
                facts.reservations.insert(id, Reservation { id, ..reservation });
            }
        }
        facts
    })
}

fn command() -> impl Strategy<Value = Command> {
    let session_no = || 0..=POOL;
    let change = proptest::option::of(price())
        .prop_map(|price| SessionChange { price, ..SessionChange::default() });
    let wish = (any_reservation(), session_no(), seat_nos(), any::<Duration>());
    prop_oneof![
        (session_no(), price()).prop_map(|(n, price)| Command::OpenSession(session(n, price))),
        (session_no(), change).prop_map(|(n, change)| {
            Command::UpdateSession {
                session: session_id(n),
                change,
                only_if: Precondition::default(),
            }
        }),
        session_no().prop_map(|n| Command::CloseSession {
            session: session_id(n),
            only_if: Precondition::default(),
        }),
        wish.prop_map(|(reservation, session, seats, hold)| {
            let seats = seats.into_iter().map(|no| session_id(session).seat(no)).collect();
            let seats = SeatSelection::new(seats).expect("different seats of one session");
            Command::Reserve { reservation, seats, user: UserId::new(""), hold }
        }),
        (any_reservation(), 0..2_u128).prop_map(|(reservation, sale)| {
            Command::Confirm { reservation, sale: SaleId::from_uuid(Uuid::from_u128(sale)) }
        }),
        any_reservation().prop_map(|reservation| Command::Cancel { reservation }),
        (any_reservation(), any::<Duration>())
            .prop_map(|(reservation, hold)| Command::Extend { reservation, hold }),
        any_reservation().prop_map(|reservation| Command::Expire { reservation }),
    ]
}

fn session(n: usize, price: Cents) -> Session {
    Session {
        id: session_id(n),
        movie: String::new(),
        room: String::new(),
        starts_at: Timestamp::from_millis(0),
        price,
        layout: Layout::new(16).expect("sixteen seats are a room"),
        version: Session::FIRST_VERSION,
        changed_at: Timestamp::from_millis(0),
        created_at: Timestamp::from_millis(0),
        closed_at: None,
    }
}

fn reservation() -> impl Strategy<Value = Reservation> {
    let status = prop_oneof![
        4 => Just(ReservationStatus::Pending),
        1 => Just(ReservationStatus::Confirmed),
        1 => Just(ReservationStatus::Expired),
        1 => Just(ReservationStatus::Cancelled),
    ];
    (0..=POOL, seat_nos(), price(), status, instant(), 0..5_u8).prop_map(
        |(session, seats, total, status, expires_at, extensions)| Reservation {
            id: reservation_id(0),
            session: session_id(session),
            showing: self::session(session, Cents::ZERO).showing(),
            seats,
            user: UserId::new(""),
            total,
            status,
            created_at: expires_at,
            expires_at,
            extensions,
        },
    )
}

fn any_reservation() -> impl Strategy<Value = ReservationId> {
    (0..=POOL as u128).prop_map(reservation_id)
}

fn seat_nos() -> impl Strategy<Value = Vec<SeatNo>> {
    subsequence((1..=17).filter_map(SeatNo::new).collect::<Vec<_>>(), 1..=10)
}

fn seat_state() -> impl Strategy<Value = SeatState> {
    prop_oneof![
        Just(SeatState::Available),
        (any_reservation(), instant()).prop_map(|(by, until)| SeatState::Held { by, until }),
        any_reservation().prop_map(|by| SeatState::Sold { by }),
    ]
}

fn price() -> impl Strategy<Value = Cents> {
    any::<i64>().prop_map(Cents::new)
}

fn instant() -> impl Strategy<Value = Timestamp> {
    prop_oneof![4 => 0..4_i64, 1 => Just(i64::MIN), 1 => Just(i64::MAX), 1 => any::<i64>()]
        .prop_map(Timestamp::from_millis)
}
