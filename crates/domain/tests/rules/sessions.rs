//! Opening, changing and closing sessions.

use poltrona_domain::{
    Cents, Command, Event, Facts, Precondition, Refusal, SeatState, Session, SessionChange,
};

use crate::{BoxOffice, at, seat, session, session_id};

#[test]
fn a_session_opens_with_every_seat_free() {
    let mut office = BoxOffice { facts: Facts::default(), now: at(5) };
    // Times that a caller sets are ignored.
    let asked = Session { created_at: at(-1), closed_at: Some(at(-1)), ..session(1) };
    let opened = Session { created_at: at(5), changed_at: at(5), closed_at: None, ..session(1) };
    let answer = office.ask(&Command::OpenSession(asked));
    assert_eq!(answer, Ok(vec![Event::SessionCreated(opened.clone())]));
    assert_eq!(office.facts.open_session(session_id(1)), Some(&opened));
    assert_eq!(office.facts.seats.len(), 16);
    for no in 1..=16 {
        assert_eq!(office.seat(no), seat(no, SeatState::Available, 0));
    }
}

#[test]
fn a_change_touches_only_what_it_names() {
    let mut office = BoxOffice::open();
    office.reserve(1, &[1]).unwrap();
    let seats = office.facts.seats.clone();
    let change = SessionChange { movie: Some("Bacurau".to_owned()), ..SessionChange::default() };
    let changed =
        Session { movie: "Bacurau".to_owned(), version: 2, changed_at: at(3), ..session(1) };
    office.now = at(3);
    assert_eq!(office.update(change), Ok(vec![Event::SessionUpdated(changed)]));

    let change = SessionChange {
        movie: None,
        room: Some("Sala 2".to_owned()),
        starts_at: Some(at(9)),
        price: Some(Cents::ZERO),
    };
    let changed = Session {
        movie: "Bacurau".to_owned(),
        room: "Sala 2".to_owned(),
        starts_at: at(9),
        price: Cents::ZERO,
        version: 3,
        changed_at: at(3),
        ..session(1)
    };
    assert_eq!(office.update(change), Ok(vec![Event::SessionUpdated(changed.clone())]));
    assert_eq!(office.facts.sessions[&session_id(1)], changed);
    assert_eq!(office.facts.seats, seats);
}

#[test]
fn a_change_is_refused_when_another_came_first() {
    let mut office = BoxOffice::open();
    let update = |versions: Option<Vec<u32>>, unchanged_since| Command::UpdateSession {
        session: session_id(1),
        change: SessionChange { price: Some(Cents::ZERO), ..SessionChange::default() },
        only_if: Precondition { versions, unchanged_since },
    };
    let changed = Err(Refusal::SessionChanged(session_id(1)));
    office.now = at(5);
    assert_eq!(office.ask(&update(Some(vec![]), None)), changed);
    assert_eq!(office.ask(&update(Some(vec![2]), None)), changed);
    assert!(office.ask(&update(Some(vec![7, 1]), None)).is_ok());
    assert_eq!(office.ask(&update(Some(vec![1]), None)), changed);
    assert_eq!(office.ask(&update(None, Some(at(4)))), changed);
    let only_if = Precondition { versions: Some(vec![1]), unchanged_since: None };
    assert_eq!(office.ask(&Command::CloseSession { session: session_id(1), only_if }), changed);
    // Taking seats does not change the session.
    office.reserve(1, &[1]).unwrap();
    assert!(office.ask(&update(Some(vec![2]), Some(at(5)))).is_ok());
}

#[test]
fn a_reservation_shows_the_session_as_it_was_when_the_seats_were_held() {
    let mut office = BoxOffice::open();
    let held_as = |office: &BoxOffice, n| office.reservation(n).showing.clone();
    office.reserve(1, &[1]).unwrap();
    let change = SessionChange { movie: Some("Bacurau".to_owned()), ..SessionChange::default() };
    office.update(change).unwrap();
    office.reserve(2, &[2]).unwrap();
    assert_eq!(held_as(&office, 1), session(1).showing());
    let later = held_as(&office, 2);
    assert_eq!((later.version, later.movie.as_str()), (2, "Bacurau"));
    assert_eq!(office.facts.past_sessions.values().collect::<Vec<_>>(), [&session(1)]);
}

#[test]
fn a_session_in_which_nobody_has_a_seat_closes() {
    let mut office = BoxOffice::open();
    let closed = Session { closed_at: Some(at(7)), ..session(1) };
    assert_eq!(office.clock(7).close(), Ok(vec![Event::SessionClosed(closed.clone())]));
    assert_eq!(office.facts.sessions[&session_id(1)], closed);
    assert_eq!(office.facts.open_session(session_id(1)), None);
}

#[test]
fn a_session_with_holds_or_sales_does_not_close() {
    let mut office = BoxOffice::open();
    office.reserve(1, &[1, 2]).unwrap();
    let in_use = |held, sold| Refusal::SessionInUse { session: session_id(1), held, sold };
    assert_eq!(office.close(), Err(in_use(2, 0)));
    office.confirm(1).unwrap();
    assert_eq!(office.close(), Err(in_use(0, 2)));
    office.reserve(2, &[3, 4, 5]).unwrap();
    assert_eq!(office.close(), Err(in_use(3, 2)));
    assert_eq!(office.clock(30_000).close(), Err(in_use(0, 2)));
}

#[test]
fn a_session_closes_from_the_instant_its_last_hold_lapses() {
    let mut office = BoxOffice::open();
    office.reserve(1, &[1]).unwrap();
    let in_use = Refusal::SessionInUse { session: session_id(1), held: 1, sold: 0 };
    assert_eq!(office.clock(29_999).close(), Err(in_use));
    assert_eq!(office.clock(30_000).close().unwrap().len(), 1);
}

#[test]
fn only_a_sessions_own_seats_keep_it_open() {
    let mut office = BoxOffice::open();
    office.ask(&Command::OpenSession(session(2))).unwrap();
    office.reserve(1, &[1]).unwrap();
    office
        .ask(&Command::CloseSession { session: session_id(2), only_if: Precondition::default() })
        .unwrap();
    assert!(office.facts.open_session(session_id(1)).is_some());
}

#[test]
fn a_lapse_in_a_closed_session_is_still_recorded() {
    let mut office = BoxOffice::open();
    office.reserve(1, &[1]).unwrap();
    office.clock(30_000).close().unwrap();
    assert_eq!(office.expire(1).unwrap().len(), 2);
    assert_eq!(office.seat(1).version, 2);
}

#[test]
fn an_unknown_or_closed_session_is_not_found() {
    let not_found = Err(Refusal::SessionNotFound(session_id(1)));
    let mut office = BoxOffice { facts: Facts::default(), now: at(0) };
    assert_eq!(office.update(SessionChange::default()), not_found);
    assert_eq!(office.close(), not_found);
    let mut office = BoxOffice::open();
    office.close().unwrap();
    assert_eq!(office.update(SessionChange::default()), not_found);
    assert_eq!(office.close(), not_found);
}
