//! Stories of refusals that are repeated.

use poltrona_domain::{ReservationId, SeatState, SessionId};
use uuid::Uuid;

use super::*;

fn seat(session: u128, no: u16) -> SeatId {
    SessionId::mint(Uuid::from_u128(session << 64)).seat(SeatNo::new(no).unwrap())
}

fn held(seat: SeatId) -> SeatTaken {
    SeatTaken::held(seat, Timestamp::from_millis(30_000))
}

fn recent() -> Recent {
    Recent::new(Clock::manual(Timestamp::from_millis(0)))
}

fn because(taken: &SeatTaken) -> Vec<(SeatTaken, Mark)> {
    vec![(taken.clone(), Mark::of_refusal(taken))]
}

fn change(recent: &Recent, seat: SeatId) {
    recent.changed(&[Seat { id: seat, state: SeatState::Available, version: 1 }]);
}

/// A refusal of a request for these seats because of one.
fn refuse_among(recent: &Recent, seats: &[SeatId], taken: &SeatTaken) {
    recent.refused(seats, recent.changes(seats), because(taken));
}

fn refuse(recent: &Recent, taken: &SeatTaken) {
    refuse_among(recent, &[taken.seat], taken);
}

/// Whether a request for these seats is refused because of one, over this mark.
fn repeats(recent: &Recent, seats: &[SeatId], taken: &SeatTaken, mark: Mark) -> bool {
    let mark = |seat: &SeatId| if *seat == taken.seat { mark.to_string() } else { String::new() };
    let marks: Vec<_> = seats.iter().map(|seat| mark(seat).into_bytes()).collect();
    recent.repeat(seats, &marks, &UserId::new("bia")).as_deref() == Some(&[taken.clone()][..])
}

fn is_refused(recent: &Recent, taken: &SeatTaken) -> bool {
    repeats(recent, &[taken.seat], taken, Mark::of_refusal(taken))
}

#[test]
fn a_seat_that_exists_proves_those_before_it() {
    let recent = recent();
    let taken = held(seat(1, 3));
    let is_refused = |no| {
        let seats = [seat(1, 1), taken.seat, seat(1, no)];
        repeats(&recent, &seats, &taken, Mark::of_refusal(&taken))
    };
    assert!(!is_refused(2));
    refuse_among(&recent, &[seat(1, 5), taken.seat], &taken);
    assert_eq!([2, 5, 6].map(is_refused), [true, true, false]);
    refuse(&recent, &taken);
    assert_eq!([2, 5, 6].map(is_refused), [true, true, false]);
    refuse_among(&recent, &[taken.seat, seat(1, 6)], &taken);
    assert!(is_refused(6));
}

#[test]
fn a_refusal_may_be_repeated_for_a_second_while_its_mark_stands_unless_the_seat_changed() {
    let recent = recent();
    let (first, second) = (held(seat(1, 1)), held(seat(1, 2)));
    assert!(!is_refused(&recent, &first));
    refuse(&recent, &first);
    assert!(is_refused(&recent, &first) && !is_refused(&recent, &second));
    let elses =
        Mark { owner: ReservationId::from_uuid(Uuid::from_u128(7)), ..Mark::of_refusal(&first) };
    assert!(!repeats(&recent, &[first.seat], &first, elses));
    recent.clock.advance(Duration::from_millis(999));
    assert!(!is_refused(&recent, &first), "one asks again");
    assert!(is_refused(&recent, &first), "and the others need not");
    recent.clock.advance(Duration::from_millis(1));
    assert!(!is_refused(&recent, &first));
    refuse(&recent, &first);
    recent.clock.advance(Duration::from_millis(699));
    assert!(is_refused(&recent, &first));
    recent.clock.advance(Duration::from_millis(1));
    assert_eq!([is_refused(&recent, &first), is_refused(&recent, &first)], [false, true]);
    refuse(&recent, &first);
    assert_eq!([is_refused(&recent, &first), is_refused(&recent, &first)], [true, true]);
    let sold = SeatTaken::sold(first.seat);
    refuse(&recent, &sold);
    refuse(&recent, &second);
    change(&recent, second.seat);
    assert!(
        is_refused(&recent, &sold) && !is_refused(&recent, &first) && !is_refused(&recent, &second)
    );
}

#[test]
fn a_hold_that_is_over_and_the_holders_own_are_left_to_the_database() {
    let recent = recent();
    let taken = SeatTaken { holder: Some(UserId::new("bia")), ..held(seat(1, 1)) };
    refuse(&recent, &taken);
    assert!(!is_refused(&recent, &taken));
    let taken = SeatTaken::held(seat(1, 1), Timestamp::from_millis(2));
    refuse(&recent, &taken);
    recent.clock.advance(Duration::from_millis(1));
    assert!(is_refused(&recent, &taken));
    recent.clock.advance(Duration::from_millis(1));
    assert!(!is_refused(&recent, &taken));
}

#[test]
fn a_refusal_from_before_a_change_is_not_recorded_after_it() {
    let recent = recent();
    let taken = held(seat(1, 1));
    let seats = [taken.seat, seat(1, 2)];
    for changed in seats {
        let before = recent.changes(&seats);
        change(&recent, changed);
        recent.refused(&seats, before, because(&taken));
        assert!(!is_refused(&recent, &taken));
    }
}

#[test]
fn a_clock_that_steps_back_does_not_keep_the_database_from_being_asked() {
    let recent = Recent::new(Clock::manual(Timestamp::from_millis(10_000)));
    refuse(&recent, &held(seat(1, 1)));
    recent.clock.set(Timestamp::from_millis(0));
    assert!(!is_refused(&recent, &held(seat(1, 1))));
}

#[test]
fn of_seats_that_share_a_slot_the_last_refusal_is_kept() {
    let recent = recent();
    let first = held(seat(1, 1));
    let seats = (2..).flat_map(|session| (1..=32_767).map(move |no| seat(session, no)));
    let other = held(seats.into_iter().find(|it| place(*it) == place(first.seat)).unwrap());
    refuse(&recent, &first);
    refuse(&recent, &other);
    assert!(!is_refused(&recent, &first) && is_refused(&recent, &other));
    // Those of one slot also share their changes.
    change(&recent, first.seat);
    assert!(!is_refused(&recent, &other));
}
