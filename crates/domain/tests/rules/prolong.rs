//! Asking for more time.

use std::time::Duration;

use poltrona_domain::{Command, Event, Refusal, Reservation};

use crate::{BoxOffice, at, held, reservation_id, seat};

#[test]
fn more_time_is_one_hold_from_now_for_every_seat() {
    let mut office = BoxOffice::open();
    office.reserve(1, &[1, 2]).unwrap();
    let before = office.reservation(1).clone();
    let after = Reservation { expires_at: at(59_999), extensions: 1, ..before };
    let seats = vec![seat(1, held(1, 59_999), 2), seat(2, held(1, 59_999), 2)];
    let extended = Event::ReservationExtended { reservation: after.clone(), seats };
    assert_eq!(office.clock(29_999).extend(1), Ok(vec![extended]));
    assert_eq!(*office.reservation(1), after);
    assert_eq!(office.seat(2), seat(2, held(1, 59_999), 2));
    office.clock(59_998).confirm(1).unwrap();
}

#[test]
fn an_extension_never_shortens_a_hold() {
    let mut office = BoxOffice::open();
    office.reserve(1, &[1]).unwrap();
    let brief = Command::Extend { reservation: reservation_id(1), hold: Duration::from_millis(10) };
    office.ask(&brief).unwrap();
    assert_eq!(office.reservation(1).expires_at, at(30_000));
    assert_eq!(office.seat(1), seat(1, held(1, 30_000), 2));
    assert_eq!(office.reservation(1).extensions, 1);
}

#[test]
fn a_hold_is_extended_at_most_three_times() {
    let mut office = BoxOffice::open();
    office.reserve(1, &[1]).unwrap();
    for extensions in 1..=3 {
        office.clock(i64::from(extensions) * 1_000).extend(1).unwrap();
        assert_eq!(office.reservation(1).extensions, extensions);
    }
    let refused = Err(Refusal::ExtensionRefused(reservation_id(1)));
    assert_eq!(office.clock(4_000).extend(1), refused);
    assert_eq!(office.seat(1), seat(1, held(1, 33_000), 4));
    office.confirm(1).unwrap();
}

#[test]
fn a_lapsed_reservation_gets_no_more_time() {
    let mut office = BoxOffice::open();
    office.reserve(1, &[1]).unwrap();
    let refused = Err(Refusal::ReservationExpired(reservation_id(1)));
    assert_eq!(office.clock(30_000).extend(1), refused);
}

#[test]
fn a_paid_reservation_needs_no_more_time() {
    let mut office = BoxOffice::open();
    office.reserve(1, &[1]).unwrap();
    office.confirm(1).unwrap();
    assert_eq!(office.extend(1), Err(Refusal::ReservationConfirmed(reservation_id(1))));
}

#[test]
fn a_cancelled_reservation_gets_no_more_time() {
    let mut office = BoxOffice::open();
    office.reserve(1, &[1]).unwrap();
    office.cancel(1).unwrap();
    assert_eq!(office.extend(1), Err(Refusal::ReservationCancelled(reservation_id(1))));
}

#[test]
fn an_unknown_reservation_gets_no_more_time() {
    let refused = Err(Refusal::ReservationNotFound(reservation_id(1)));
    assert_eq!(BoxOffice::open().extend(1), refused);
}
