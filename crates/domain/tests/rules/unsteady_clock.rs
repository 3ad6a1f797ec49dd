//! A clock that is put back must not give anyone a seat that another has.

use poltrona_domain::{Refusal, SeatState};

use crate::{BoxOffice, held, reservation_id, seat, sold};

/// Reservation 1 held seats 1 and 2 and lapsed; 2 took over seat 2; then the clock stepped back.
fn taken_over() -> BoxOffice {
    let mut office = BoxOffice::open();
    office.reserve(1, &[1, 2]).expect("both seats are free");
    office.clock(30_000).reserve(2, &[2]).expect("the hold has lapsed");
    office.clock(29_999);
    office
}

#[test]
fn a_hold_that_was_taken_over_cannot_be_paid() {
    let mut office = taken_over();
    assert_eq!(office.confirm(1), Err(Refusal::ReservationExpired(reservation_id(1))));
    office.confirm(2).unwrap();
    assert_eq!(office.confirm(1), Err(Refusal::ReservationExpired(reservation_id(1))));
    assert_eq!(office.seat(2), seat(2, sold(2), 3));
}

#[test]
fn a_hold_that_was_taken_over_gets_no_more_time() {
    let mut office = taken_over();
    assert_eq!(office.extend(1), Err(Refusal::ReservationExpired(reservation_id(1))));
}

#[test]
fn cancelling_a_hold_that_was_taken_over_frees_only_what_it_still_has() {
    let mut office = taken_over();
    let events = office.cancel(1).unwrap();
    assert_eq!(events[1].seats(), [seat(1, SeatState::Available, 2)]);
    assert_eq!(office.seat(2), seat(2, held(2, 60_000), 2));
}

#[test]
fn a_hold_does_not_come_back_to_life_in_a_closed_session() {
    let mut office = BoxOffice::open();
    office.reserve(1, &[1]).unwrap();
    office.clock(30_000).close().unwrap();
    let refused = Err(Refusal::ReservationExpired(reservation_id(1)));
    assert_eq!(office.clock(29_999).confirm(1), refused);
    assert_eq!(office.seat(1), seat(1, held(1, 30_000), 1));
}
