//! Holding seats.

use std::time::Duration;

use poltrona_domain::{
    Cents, Command, Event, Refusal, Reservation, ReservationStatus, SeatState, SeatStatus,
    SeatTaken, SessionChange, Timestamp, UserId,
};

use crate::{
    BoxOffice, HOLD, at, held, no, reservation_id, seat, seat_id, selection, session, session_id,
};

#[test]
fn seats_are_held_together_in_the_order_they_were_asked_for() {
    let mut office = BoxOffice::open();
    let reservation = Reservation {
        id: reservation_id(1),
        session: session_id(1),
        seats: vec![no(9), no(2)],
        user: UserId::new("ana"),
        total: Cents::new(5_100),
        status: ReservationStatus::Pending,
        showing: session(1).showing(),
        created_at: at(500),
        expires_at: at(30_500),
        extensions: 0,
    };
    let seats = vec![seat(9, held(1, 30_500), 1), seat(2, held(1, 30_500), 1)];
    let created = Event::ReservationCreated { reservation: reservation.clone(), seats };
    assert_eq!(office.clock(500).reserve(1, &[9, 2]), Ok(vec![created]));
    assert_eq!(*office.reservation(1), reservation);
    assert_eq!(office.seat(9), seat(9, held(1, 30_500), 1));
    assert_eq!(office.seat(2), seat(2, held(1, 30_500), 1));
    assert_eq!(office.seat(3), seat(3, SeatState::Available, 0));
}

#[test]
fn a_taken_seat_keeps_the_whole_wish_from_being_granted() {
    let mut office = BoxOffice::open();
    office.reserve(1, &[1, 2]).unwrap();
    office.confirm(1).unwrap();
    office.clock(1_000).reserve(2, &[3]).unwrap();
    let before = office.facts.clone();

    let taken = vec![already_anas(3, 2, 31_000), SeatTaken::sold(seat_id(1, 2))];
    assert_eq!(office.reserve(3, &[3, 4, 2]), Err(Refusal::SeatsTaken(taken)));
    assert_eq!(office.facts, before);
}

/// The refusal of a seat that `by` holds for Ana until `until_millis`, when Ana asks for it again.
fn already_anas(seat: u16, by: u128, until_millis: i64) -> SeatTaken {
    SeatTaken {
        holder: Some(UserId::new("ana")),
        own: Some(reservation_id(by)),
        ..SeatTaken::held(seat_id(1, seat), at(until_millis))
    }
}

#[test]
fn the_holder_cannot_hold_a_seat_again_and_learns_which_reservation_has_it() {
    let mut office = BoxOffice::open();
    office.reserve(1, &[1]).unwrap();
    let taken = vec![already_anas(1, 1, 30_000)];
    assert_eq!(office.reserve(2, &[1]), Err(Refusal::SeatsTaken(taken)));
}

#[test]
fn nobody_else_learns_which_reservation_has_a_seat() {
    let mut office = BoxOffice::open();
    office.reserve(1, &[1]).unwrap();
    let held = SeatTaken::held(seat_id(1, 1), at(30_000));
    let taken = SeatTaken { holder: Some(UserId::new("ana")), ..held.clone() };
    let refused = Err(Refusal::SeatsTaken(vec![taken]));
    assert_eq!(office.reserve_for("bia", 2, &[1]), refused);
    // A store may load the holder alone, or not even that.
    office.facts.reservations.clear();
    office.facts.holders.insert(reservation_id(1), UserId::new("ana"));
    assert_eq!(office.reserve_for("bia", 2, &[1]), refused);
    assert_eq!(office.reserve(2, &[1]), Err(Refusal::SeatsTaken(vec![already_anas(1, 1, 30_000)])));
    office.facts.holders.clear();
    assert_eq!(office.reserve(2, &[1]), Err(Refusal::SeatsTaken(vec![held])));
}

#[test]
fn a_seat_frees_itself_when_its_hold_lapses() {
    let mut office = BoxOffice::open();
    office.reserve(1, &[1]).unwrap();

    let taken = vec![already_anas(1, 1, 30_000)];
    assert_eq!(office.clock(29_999).reserve(2, &[1]), Err(Refusal::SeatsTaken(taken)));
    assert_eq!(office.seat(1).status_at(at(29_999)), SeatStatus::Reserved);
    assert_eq!(office.seat(1).status_at(at(30_000)), SeatStatus::Available);
    office.clock(30_000).reserve(2, &[1]).unwrap();
    assert_eq!(office.seat(1), seat(1, held(2, 60_000), 2));
}

#[test]
fn a_take_over_leaves_the_other_seats_of_the_old_hold_as_they_were() {
    let mut office = BoxOffice::open();
    office.reserve(1, &[1, 2]).unwrap();
    office.clock(30_000).reserve(2, &[2, 3]).unwrap();
    assert_eq!(office.seat(1), seat(1, held(1, 30_000), 1));
    assert_eq!(office.seat(2), seat(2, held(2, 60_000), 2));
    assert_eq!(office.reservation(1).status, ReservationStatus::Pending);
    assert_eq!(office.reservation(1).status_at(at(30_000)), ReservationStatus::Expired);
}

#[test]
fn a_hold_of_no_time_has_lapsed_at_once() {
    let mut office = BoxOffice::open();
    let command = Command::Reserve {
        reservation: reservation_id(1),
        seats: selection(1, &[1]),
        user: UserId::new("ana"),
        hold: Duration::ZERO,
    };
    office.ask(&command).unwrap();
    assert_eq!(office.seat(1).status_at(at(0)), SeatStatus::Available);
    assert_eq!(office.confirm(1), Err(Refusal::ReservationExpired(reservation_id(1))));
}

#[test]
fn a_hold_past_the_end_of_time_stops_there() {
    let mut office = BoxOffice::open();
    let command = Command::Reserve {
        reservation: reservation_id(1),
        seats: selection(1, &[1]),
        user: UserId::new("ana"),
        hold: Duration::MAX,
    };
    office.ask(&command).unwrap();
    assert_eq!(office.reservation(1).expires_at, Timestamp::from_millis(i64::MAX));
}

#[test]
fn a_seat_that_the_room_does_not_have_is_reported_before_a_taken_one() {
    let mut office = BoxOffice::open();
    office.reserve(1, &[1]).unwrap();
    let unknown = vec![seat_id(1, 17), seat_id(1, 20)];
    assert_eq!(office.reserve(2, &[17, 1, 20]), Err(Refusal::SeatsNotFound(unknown)));
}

#[test]
fn no_seat_of_an_unknown_session_is_found() {
    let mut office = BoxOffice::open();
    let command = Command::Reserve {
        reservation: reservation_id(1),
        seats: selection(2, &[2, 1]),
        user: UserId::new("ana"),
        hold: HOLD,
    };
    let all = vec![seat_id(2, 2), seat_id(2, 1)];
    assert_eq!(office.ask(&command), Err(Refusal::SeatsNotFound(all)));
}

#[test]
fn no_seat_of_a_closed_session_is_found() {
    let mut office = BoxOffice::open();
    office.close().unwrap();
    let all = vec![seat_id(1, 1), seat_id(1, 2)];
    assert_eq!(office.reserve(1, &[1, 2]), Err(Refusal::SeatsNotFound(all)));
}

#[test]
fn the_same_chair_in_another_session_is_another_seat() {
    let mut office = BoxOffice::open();
    office.ask(&Command::OpenSession(session(2))).unwrap();
    office.reserve(1, &[1]).unwrap();
    let command = Command::Reserve {
        reservation: reservation_id(2),
        seats: selection(2, &[1]),
        user: UserId::new("bia"),
        hold: HOLD,
    };
    office.ask(&command).unwrap();
    assert_eq!(office.seat(1).state, held(1, 30_000));
    assert_eq!(office.facts.seats[&seat_id(2, 1)].state, held(2, 30_000));
}

#[test]
fn a_hold_keeps_the_price_it_was_made_at() {
    let mut office = BoxOffice::open();
    office.reserve(1, &[1, 2]).unwrap();
    let dearer = SessionChange { price: Some(Cents::new(9_999)), ..SessionChange::default() };
    office.update(dearer).unwrap();
    office.reserve(2, &[3, 4]).unwrap();
    assert_eq!(office.reservation(1).total, Cents::new(5_100));
    assert_eq!(office.reservation(1).seat_price(), Cents::new(2_550));
    assert_eq!(office.reservation(2).total, Cents::new(19_998));
}
