//! Giving seats back, by a cancellation or by a lapse.

use poltrona_domain::{
    Event, Refusal, Reservation, ReservationStatus, SeatState, SeatStatus, UserId,
};

use crate::{BoxOffice, at, held, reservation_id, seat, sold};

const FREE: SeatState = SeatState::Available;

#[test]
fn cancelling_frees_every_seat() {
    let mut office = BoxOffice::open();
    office.reserve(1, &[9, 2]).unwrap();
    let cancelled =
        Reservation { status: ReservationStatus::Cancelled, ..office.reservation(1).clone() };
    let released = Event::SeatReleased {
        reservation: reservation_id(1),
        user: UserId::new("ana"),
        seats: vec![seat(9, FREE, 2), seat(2, FREE, 2)],
        at: at(29_999),
    };
    let events = vec![Event::ReservationCancelled { reservation: cancelled.clone() }, released];
    assert_eq!(office.clock(29_999).cancel(1), Ok(events));
    assert_eq!(*office.reservation(1), cancelled);
    assert_eq!(office.seat(9), seat(9, FREE, 2));
    assert_eq!(office.seat(2).status_at(at(29_999)), SeatStatus::Available);
    office.reserve(2, &[2]).unwrap();
    assert_eq!(office.seat(2), seat(2, held(2, 59_999), 3));
}

#[test]
fn cancelling_twice_changes_nothing_more() {
    let mut office = BoxOffice::open();
    office.reserve(1, &[1]).unwrap();
    office.cancel(1).unwrap();
    office.reserve(2, &[1]).unwrap();
    assert_eq!(office.cancel(1), Ok(vec![]));
    assert_eq!(office.clock(30_000).cancel(1), Ok(vec![]), "nor does it once it would have lapsed");
    assert_eq!(office.seat(1), seat(1, held(2, 30_000), 3));
}

#[test]
fn a_paid_reservation_cannot_be_cancelled() {
    let mut office = BoxOffice::open();
    office.reserve(1, &[1]).unwrap();
    office.confirm(1).unwrap();
    assert_eq!(office.cancel(1), Err(Refusal::ReservationConfirmed(reservation_id(1))));
    assert_eq!(office.seat(1), seat(1, sold(1), 2));
}

#[test]
fn a_lapsed_reservation_cannot_be_cancelled() {
    let mut office = BoxOffice::open();
    office.reserve(1, &[1]).unwrap();
    let refused = Err(Refusal::ReservationExpired(reservation_id(1)));
    assert_eq!(office.clock(30_000).cancel(1), refused);
    office.expire(1).unwrap();
    assert_eq!(office.cancel(1), refused);
}

#[test]
fn an_unknown_reservation_cannot_be_given_back() {
    let refused = Err(Refusal::ReservationNotFound(reservation_id(1)));
    assert_eq!(BoxOffice::open().cancel(1), refused);
    assert_eq!(BoxOffice::open().expire(1), refused);
}

#[test]
fn a_lapse_that_is_recorded_frees_every_seat() {
    let mut office = BoxOffice::open();
    office.reserve(1, &[9, 2]).unwrap();
    let expired =
        Reservation { status: ReservationStatus::Expired, ..office.reservation(1).clone() };
    let released = Event::SeatReleased {
        reservation: reservation_id(1),
        user: UserId::new("ana"),
        seats: vec![seat(9, FREE, 2), seat(2, FREE, 2)],
        at: at(30_000),
    };
    let events = vec![Event::ReservationExpired { reservation: expired.clone() }, released];
    assert_eq!(office.clock(30_000).expire(1), Ok(events));
    assert_eq!(*office.reservation(1), expired);
    assert_eq!(office.seat(2), seat(2, FREE, 2));
}

#[test]
fn a_live_reservation_does_not_lapse_early() {
    let mut office = BoxOffice::open();
    office.reserve(1, &[1]).unwrap();
    let refused =
        Err(Refusal::NotLapsed { reservation: reservation_id(1), expires_at: at(30_000) });
    assert_eq!(office.clock(29_999).expire(1), refused);
    assert_eq!(office.seat(1), seat(1, held(1, 30_000), 1));
}

#[test]
fn a_reservation_with_more_time_lapses_later() {
    let mut office = BoxOffice::open();
    office.reserve(1, &[1]).unwrap();
    office.clock(20_000).extend(1).unwrap();
    let refused =
        Err(Refusal::NotLapsed { reservation: reservation_id(1), expires_at: at(50_000) });
    assert_eq!(office.clock(30_000).expire(1), refused);
    assert_eq!(office.clock(50_000).expire(1).unwrap().len(), 2);
}

#[test]
fn a_late_lapse_leaves_the_seats_that_others_took() {
    let mut office = BoxOffice::open();
    office.reserve(1, &[1, 2, 3]).unwrap();
    office.clock(30_000).reserve(2, &[2]).unwrap();
    office.reserve(3, &[3]).unwrap();
    office.confirm(3).unwrap();

    let events = office.clock(40_000).expire(1).unwrap();
    assert_eq!(events[1].seats(), [seat(1, FREE, 2)]);
    assert_eq!(office.seat(2), seat(2, held(2, 60_000), 2));
    assert_eq!(office.seat(3), seat(3, sold(3), 3));
}

#[test]
fn a_lapse_with_no_seat_left_releases_no_seat() {
    let mut office = BoxOffice::open();
    office.reserve(1, &[1]).unwrap();
    office.clock(30_000).reserve(2, &[1]).unwrap();
    let expired =
        Reservation { status: ReservationStatus::Expired, ..office.reservation(1).clone() };
    assert_eq!(office.expire(1), Ok(vec![Event::ReservationExpired { reservation: expired }]));
}

#[test]
fn a_lapse_is_recorded_once_and_never_of_a_reservation_that_ended_otherwise() {
    let mut office = BoxOffice::open();
    for n in 1..=3 {
        office.reserve(n, &[u16::try_from(n).unwrap()]).unwrap();
    }
    office.confirm(1).unwrap();
    office.cancel(2).unwrap();
    office.clock(30_000).expire(3).unwrap();
    let before = office.facts.clone();
    for n in 1..=3 {
        assert_eq!(office.expire(n), Ok(vec![]));
    }
    assert_eq!(office.facts, before);
}
