//! Paying a reservation.

use poltrona_domain::{
    Cents, Event, Refusal, Reservation, ReservationStatus, Sale, SeatStatus, SessionChange, UserId,
};

use crate::{BoxOffice, at, held, no, reservation_id, sale_id, seat, seat_id, session_id, sold};

#[test]
fn a_live_reservation_is_paid_and_its_seats_are_sold_for_good() {
    let mut office = BoxOffice::open();
    office.reserve(1, &[9, 2]).unwrap();
    let pending = office.reservation(1).clone();

    let sale = Sale {
        id: sale_id(1),
        reservation: reservation_id(1),
        session: session_id(1),
        seats: vec![no(9), no(2)],
        user: UserId::new("ana"),
        total: Cents::new(5_100),
        movie: "Central do Brasil".to_owned(),
        room: "Sala 1".to_owned(),
        starts_at: at(7_200_000),
        paid_at: at(29_999),
    };
    let paid = Event::PaymentConfirmed {
        reservation: Reservation { status: ReservationStatus::Confirmed, ..pending },
        sale: sale.clone(),
        seats: vec![seat(9, sold(1), 2), seat(2, sold(1), 2)],
    };
    assert_eq!(office.clock(29_999).confirm(1), Ok(vec![paid]));
    assert_eq!(office.facts.sales[&sale_id(1)], sale);
    assert_eq!(sale.seat_ids().collect::<Vec<_>>(), [seat_id(1, 9), seat_id(1, 2)]);
    assert_eq!(sale.seat_price(), Cents::new(2_550));
    assert_eq!(office.seat(9), seat(9, sold(1), 2));
    assert_eq!(office.seat(9).status_at(at(1_000_000)), SeatStatus::Sold);
    assert_eq!(office.reservation(1).status_at(at(1_000_000)), ReservationStatus::Confirmed);
}

#[test]
fn a_sale_keeps_the_room_and_price_of_its_hold() {
    let mut office = BoxOffice::open();
    office.reserve(1, &[1]).unwrap();
    let moved = |room: &str, cents| SessionChange {
        room: Some(room.to_owned()),
        price: Some(Cents::new(cents)),
        ..SessionChange::default()
    };
    office.update(moved("Sala 2", 9_900)).unwrap();
    office.confirm(1).unwrap();
    office.update(moved("Sala 3", 100)).unwrap();
    let sale = &office.facts.sales[&sale_id(1)];
    assert_eq!((sale.total, sale.room.as_str()), (Cents::new(2_550), "Sala 1"));
}

#[test]
fn a_reservation_cannot_be_paid_from_the_instant_it_lapses() {
    let mut office = BoxOffice::open();
    office.reserve(1, &[1]).unwrap();
    let refused = Err(Refusal::ReservationExpired(reservation_id(1)));
    assert_eq!(office.clock(30_000).confirm(1), refused);
    assert_eq!(office.seat(1), seat(1, held(1, 30_000), 1));
    office.expire(1).unwrap();
    assert_eq!(office.confirm(1), refused);
    assert!(office.facts.sales.is_empty());
}

#[test]
fn a_reservation_is_paid_once() {
    let mut office = BoxOffice::open();
    office.reserve(1, &[1]).unwrap();
    office.confirm(1).unwrap();
    let refused = Err(Refusal::ReservationConfirmed(reservation_id(1)));
    assert_eq!(office.confirm(1), refused);
    assert_eq!(office.clock(30_000).confirm(1), refused);
    assert_eq!(office.facts.sales.len(), 1);
}

#[test]
fn a_cancelled_reservation_cannot_be_paid() {
    let mut office = BoxOffice::open();
    office.reserve(1, &[1]).unwrap();
    office.cancel(1).unwrap();
    let refused = Err(Refusal::ReservationCancelled(reservation_id(1)));
    assert_eq!(office.confirm(1), refused);
    assert_eq!(office.clock(30_000).confirm(1), refused);
}

#[test]
fn an_unknown_reservation_cannot_be_paid() {
    let refused = Err(Refusal::ReservationNotFound(reservation_id(1)));
    assert_eq!(BoxOffice::open().confirm(1), refused);
}
