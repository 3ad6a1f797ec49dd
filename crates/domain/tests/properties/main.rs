//! Properties that hold for every sequence of commands and times.
//!
//! Random stories are played through `decide` and `apply`. While time runs forward, every answer
//! and every row must be those of a naive [`model`]; the most important promises are also tested
//! one by one, even with a clock that is put back. The number of stories is fixed, so that a run
//! takes the same time everywhere.

mod any_facts;
mod model;
mod story;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::time::Duration;

use poltrona_domain::{
    Actor, ChangedSeat, ChangedSession, Changes, Command, Event, Facts, ReadSet, Refusal,
    ReservationStatus, Seat, SeatId, SeatSelection, SeatState, SeatStatus, SeatTaken, Showing,
    Timestamp, UserId, decide,
};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{FileFailurePersistence, RngAlgorithm, TestRng, TestRunner};

use crate::model::{Fate, Model, Outline};
use crate::story::{Step, forward, play, reservation_id, unsteady};

/// How many stories each property is tried on.
fn stories(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        // Drawing takes most of the time in an unoptimised build. There this generator is several
        // times as fast as the default one, which is cryptographic.
        rng_algorithm: RngAlgorithm::XorShift,
        max_shrink_iters: 1_000,
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct(
            "proptest-regressions/properties.txt",
        ))),
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(stories(512))]

    #[test]
    fn the_answers_and_the_rows_are_those_of_the_model(story in forward()) {
        let mut model = Model::default();
        for step in play(&story) {
            let answer = step.answer.as_ref().map(|events| outline(events)).map_err(Refusal::clone);
            let expected = model.ask(&step.command, step.now.as_millis());
            prop_assert_eq!(answer, expected, "{:?} at {:?}", step.command, step.now);
            same_rows(&model, &step)?;
        }
    }

    #[test]
    fn a_seat_is_sold_at_most_once_even_when_the_clock_steps_back(story in unsteady()) {
        let mut sold = HashSet::new();
        for step in play(&story) {
            for event in step.answer.iter().flatten() {
                if let Event::PaymentConfirmed { sale, .. } = event {
                    for seat in sale.seat_ids() {
                        prop_assert!(sold.insert(seat), "{} was sold again", seat);
                    }
                }
            }
            for seat in step.after.seats.values() {
                let is_sold = matches!(seat.state, SeatState::Sold { .. });
                prop_assert_eq!(is_sold, sold.contains(&seat.id), "a sale is for good");
            }
        }
    }

    #[test]
    fn a_sale_needs_a_live_hold_on_each_of_its_seats_in_an_open_session(story in unsteady()) {
        for Step { now, before, answer, .. } in play(&story) {
            for event in answer.iter().flatten() {
                let Event::PaymentConfirmed { sale, .. } = event else { continue };
                for id in sale.seat_ids() {
                    let SeatState::Held { by, until } = before.seats[&id].state else {
                        return Err(TestCaseError::fail("a seat that nobody held was sold"));
                    };
                    prop_assert_eq!(by, sale.reservation);
                    prop_assert!(now < until, "the hold had lapsed");
                }
                prop_assert!(before.sessions[&sale.session].closed_at.is_none());
            }
        }
    }

    #[test]
    fn a_seats_version_rises_by_one_with_each_change_and_never_otherwise(story in unsteady()) {
        for Step { before, answer, after, .. } in play(&story) {
            let changed: Vec<_> = answer.iter().flatten().flat_map(Event::seats).collect();
            for (id, seat) in &after.seats {
                let Some(earlier) = before.seats.get(id) else {
                    prop_assert_eq!(*seat, Seat::new(*id));
                    continue;
                };
                match changed.iter().filter(|changed| changed.id == *id).count() {
                    0 => prop_assert_eq!(seat, earlier),
                    1 => prop_assert_eq!(seat.version, earlier.version + 1),
                    _ => prop_assert!(false, "{} changed twice in one answer", id),
                }
            }
        }
    }

    #[test]
    fn giving_back_frees_exactly_the_seats_that_still_point_to_it(story in unsteady()) {
        for Step { command, before, answer, after, .. } in play(&story) {
            let (Command::Cancel { reservation } | Command::Expire { reservation }) = command else {
                continue;
            };
            let gives_back = answer.is_ok_and(|events| !events.is_empty());
            for (id, seat) in &before.seats {
                if gives_back && seat.is_held_by(reservation) {
                    prop_assert_eq!(after.seats[id].state, SeatState::Available);
                } else {
                    prop_assert_eq!(after.seats[id], *seat);
                }
            }
        }
    }

    #[test]
    fn a_seat_is_free_from_the_instant_its_hold_lapses_and_not_before(story in forward()) {
        let steps = play(&story);
        let facts = &*steps[steps.len() - 1].after;
        for seat in facts.seats.values() {
            let SeatState::Held { by, until } = seat.state else { continue };
            let just_before = Timestamp::from_millis(until.as_millis() - 1);
            prop_assert_eq!(seat.status_at(just_before), SeatStatus::Reserved);
            prop_assert_eq!(seat.status_at(until), SeatStatus::Available);
            if facts.open_session(seat.id.session()).is_some() {
                let refused = Refusal::SeatsTaken(vec![SeatTaken {
                    holder: facts.holder(by).cloned(),
                    ..SeatTaken::held(seat.id, until)
                }]);
                prop_assert_eq!(decide(facts, &Actor::Anyone, &wish_for(seat.id), just_before), Err(refused));
                prop_assert!(decide(facts, &Actor::Anyone, &wish_for(seat.id), until).is_ok());
            }
        }
    }

    #[test]
    fn money_adds_up_in_cents_whatever_becomes_of_the_price(story in forward()) {
        let mut promised = HashMap::new();
        let mut earned = 0;
        for Step { before, answer, after, .. } in play(&story) {
            for event in answer.iter().flatten() {
                match event {
                    Event::ReservationCreated { reservation, seats } => {
                        let price = before.sessions[&reservation.session].price.get();
                        let total: i64 = seats.iter().map(|_| price).sum();
                        prop_assert_eq!(reservation.total.get(), total);
                        prop_assert_eq!(reservation.seat_price().get(), price);
                        promised.insert(reservation.id, total);
                    }
                    Event::PaymentConfirmed { sale, .. } => {
                        prop_assert_eq!(Some(&sale.total.get()), promised.get(&sale.reservation));
                        let shares: i64 = sale.seat_ids().map(|_| sale.seat_price().get()).sum();
                        prop_assert_eq!(shares, sale.total.get());
                        earned += sale.total.get();
                    }
                    _ => {}
                }
            }
            let till: i64 = after.sales.values().map(|sale| sale.total.get()).sum();
            prop_assert_eq!(till, earned);
        }
    }

    #[test]
    fn a_command_is_decided_by_the_rows_of_its_read_set_alone(story in unsteady()) {
        for step in play(&story) {
            let rows = step.command.reads();
            let needed = only(&step.before, &rows);
            prop_assert!(rows.is_covered_by(&needed));
            prop_assert_eq!(&decide(&needed, &Actor::Anyone, &step.command, step.now), &step.answer);
            // Without one of its seats it must not be decided.
            for seat in needed.seats.keys() {
                let mut lacking = needed.clone();
                lacking.seats.remove(seat);
                let session = needed.sessions.get(&seat.session());
                let is_closed = session.is_some_and(|session| !session.is_open());
                if !(is_closed && rows.whole_sessions.contains(&seat.session())) {
                    prop_assert!(!rows.is_covered_by(&lacking), "{} is missing", seat);
                }
            }
        }
    }

    #[test]
    fn changes_hold_each_row_that_differs_once_and_no_other(story in unsteady()) {
        for Step { before, after, .. } in play(&story) {
            let changes = Changes::between(&before, &after);
            let mut rebuilt = (*before).clone();
            for session in &changes.new_sessions {
                prop_assert_eq!(rebuilt.sessions.insert(session.id, (*session).clone()), None);
            }
            for ChangedSession { session, read_version } in &changes.changed_sessions {
                let was = rebuilt.sessions.insert(session.id, (*session).clone());
                prop_assert_ne!(was.as_ref(), Some(*session));
                prop_assert_eq!(was.map(|was| was.version), Some(*read_version));
            }
            for past in &changes.past_sessions {
                let key = (past.id, past.version);
                prop_assert_eq!(rebuilt.past_sessions.insert(key, (*past).clone()), None);
            }
            for seat in &changes.new_seats {
                prop_assert_eq!(rebuilt.seats.insert(seat.id, **seat), None);
            }
            for ChangedSeat { seat, read_version } in &changes.changed_seats {
                let was = rebuilt.seats.insert(seat.id, **seat);
                prop_assert_eq!(was.map(|was| was.version), Some(*read_version));
                prop_assert_eq!(seat.version, read_version + 1);
            }
            for it in changes.new_reservations.iter().chain(&changes.changed_reservations) {
                let was = rebuilt.reservations.insert(it.id, (*it).clone());
                prop_assert_ne!(was.as_ref(), Some(*it));
            }
            for sale in &changes.new_sales {
                prop_assert_eq!(rebuilt.sales.insert(sale.id, (*sale).clone()), None);
            }
            prop_assert_eq!(&rebuilt, &*after);
        }
    }

    #[test]
    fn a_person_reaches_their_own_reservations_and_nobody_elses(story in unsteady()) {
        for step in play(&story) {
            let Some(id) = step.command.reservation() else { continue };
            let owner = step.before.reservations.get(&id).map(|it| it.user.clone());
            let ask = |actor: &Actor| decide(&step.before, actor, &step.command, step.now);
            let stranger = Actor::User(UserId::new("a stranger"));
            prop_assert_eq!(ask(&stranger), Err(Refusal::ReservationNotFound(id)));
            for actor in [Actor::Anyone, Actor::Program].into_iter().chain(owner.map(Actor::User)) {
                prop_assert_eq!(&ask(&actor), &step.answer);
            }
        }
    }

    #[test]
    fn a_refusal_changes_nothing_and_the_same_question_gets_the_same_answer(story in unsteady()) {
        for step in play(&story) {
            let again = decide(&step.before, &Actor::Anyone, &step.command, step.now);
            prop_assert_eq!(&again, &step.answer);
            if step.answer.is_err() {
                prop_assert_eq!(&step.after, &step.before);
            }
        }
    }
}

#[test]
fn the_stories_reach_every_event_and_every_refusal() {
    let rng = TestRng::deterministic_rng(RngAlgorithm::XorShift);
    let mut runner = TestRunner::new_with_rng(stories(1), rng);
    let mut seen: HashMap<&str, u32> = HashMap::new();
    for _ in 0..256 {
        let story = forward().new_tree(&mut runner).unwrap().current();
        for step in play(&story) {
            match &step.answer {
                Ok(events) if events.is_empty() => *seen.entry("nothing to do").or_default() += 1,
                Ok(events) => {
                    for event in events {
                        *seen.entry(event.name()).or_default() += 1;
                    }
                }
                Err(refusal) => *seen.entry(name_of(refusal)).or_default() += 1,
            }
        }
    }
    // Nine events, eleven refusals and the empty answer.
    assert_eq!(seen.len(), 21, "{seen:?}");
    for (name, times) in &seen {
        assert!(*times >= 5, "{name} was seen {times} times only: {seen:?}");
    }
}

fn name_of(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::SessionNotFound(_) => "session not found",
        Refusal::SessionChanged(_) => "session changed",
        Refusal::SessionInUse { .. } => "session in use",
        Refusal::SeatsNotFound(_) => "seats not found",
        Refusal::SeatsTaken(_) => "seats taken",
        Refusal::ReservationNotFound(_) => "reservation not found",
        Refusal::ReservationConfirmed(_) => "reservation confirmed",
        Refusal::ReservationExpired(_) => "reservation expired",
        Refusal::ReservationCancelled(_) => "reservation cancelled",
        Refusal::ExtensionRefused(_) => "extension refused",
        Refusal::NotLapsed { .. } => "not lapsed",
    }
}

/// Compares every stored row with the model.
fn same_rows(model: &Model, step: &Step) -> Result<(), TestCaseError> {
    let (facts, now) = (&*step.after, step.now);
    prop_assert_eq!(facts.sessions.len(), model.showings.len());
    prop_assert_eq!(facts.reservations.len(), model.bookings.len());
    for showing in &model.showings {
        let session = &facts.sessions[&showing.id];
        prop_assert_eq!(&session.movie, &showing.movie);
        prop_assert_eq!(&session.room, &showing.room);
        prop_assert_eq!(session.starts_at.as_millis(), showing.starts);
        prop_assert_eq!(session.price.get(), showing.cents);
        prop_assert_eq!(
            (session.version, session.changed_at.as_millis()),
            (showing.version, showing.changed)
        );
        prop_assert_eq!(session.created_at.as_millis(), showing.opened);
        prop_assert_eq!(session.closed_at.map(Timestamp::as_millis), showing.closed);
        for id in &showing.seats {
            let seat = &facts.seats[id];
            prop_assert_eq!(seat.state, model.state(*id));
            prop_assert_eq!(seat.status_at(now), model.status(*id, now.as_millis()));
            prop_assert_eq!(usize::try_from(seat.version), Ok(model.changes(*id)));
        }
    }
    for booking in &model.bookings {
        let reservation = &facts.reservations[&booking.id];
        prop_assert_eq!(reservation.seat_ids().collect::<Vec<_>>(), &booking.seats[..]);
        prop_assert_eq!(reservation.user.as_str(), &booking.user);
        prop_assert_eq!(reservation.total.get(), booking.cents);
        let Showing { movie, room, starts_at, .. } = &reservation.showing;
        prop_assert_eq!((movie, room), (&booking.movie, &booking.room));
        prop_assert_eq!(starts_at.as_millis(), booking.starts);
        prop_assert_eq!(reservation.created_at.as_millis(), booking.made);
        prop_assert_eq!(reservation.expires_at.as_millis(), booking.end());
        prop_assert_eq!(usize::from(reservation.extensions), booking.ends.len() - 1);
        prop_assert_eq!(reservation.status_at(now), booking.status(now.as_millis()));
    }
    same_sales(model, facts)
}

fn same_sales(model: &Model, facts: &Facts) -> Result<(), TestCaseError> {
    let mut paid = 0;
    for booking in &model.bookings {
        let Some(Fate::Paid { at }) = &booking.fate else { continue };
        paid += 1;
        let of_booking: Vec<_> =
            facts.sales.values().filter(|sale| sale.reservation == booking.id).collect();
        prop_assert_eq!(of_booking.len(), 1);
        let sale = of_booking[0];
        prop_assert_eq!(sale.seat_ids().collect::<Vec<_>>(), &booking.seats[..]);
        prop_assert_eq!(sale.user.as_str(), &booking.user);
        prop_assert_eq!(sale.total.get(), booking.cents);
        prop_assert_eq!((&sale.movie, &sale.room), (&booking.movie, &booking.room));
        prop_assert_eq!(
            (sale.starts_at.as_millis(), sale.paid_at.as_millis()),
            (booking.starts, *at)
        );
        prop_assert_eq!(facts.reservations[&booking.id].status, ReservationStatus::Confirmed);
    }
    prop_assert_eq!(facts.sales.len(), paid);
    Ok(())
}

/// A success in the model's form.
fn outline(events: &[Event]) -> Outline {
    let ids = |seats: &[Seat]| seats.iter().map(|seat| seat.id).collect();
    events.iter().map(|event| (event.name(), ids(event.seats()))).collect()
}

fn wish_for(seat: SeatId) -> Command {
    Command::Reserve {
        reservation: reservation_id(u128::MAX),
        seats: SeatSelection::new(vec![seat]).expect("one seat is a selection"),
        user: UserId::new("someone else"),
        hold: Duration::from_secs(30),
    }
}

/// The rows of `facts` that are in the read set, and no others.
fn only(facts: &Facts, rows: &ReadSet) -> Facts {
    let mut found = Facts::default();
    let reservations = facts.reservations.values().filter(|it| rows.reservations.contains(&it.id));
    let mut sessions: BTreeSet<_> = rows.sessions.union(&rows.locked_sessions).copied().collect();
    let mut seats = rows.seats.clone();
    for reservation in reservations {
        sessions.insert(reservation.session);
        seats.extend(reservation.seat_ids());
        found.reservations.insert(reservation.id, reservation.clone());
    }
    let is_wanted = |id: &SeatId| seats.contains(id) || rows.whole_sessions.contains(&id.session());
    found.seats =
        facts.seats.iter().filter(|(id, _)| is_wanted(id)).map(|(k, v)| (*k, *v)).collect();
    let holder = |seat: &Seat| match seat.state {
        SeatState::Held { by, .. } => Some((by, facts.holder(by)?.clone())),
        SeatState::Available | SeatState::Sold { .. } => None,
    };
    found.holders = found.seats.values().filter_map(holder).collect();
    let wanted = facts.sessions.iter().filter(|(id, _)| sessions.contains(id));
    found.sessions = wanted.map(|(id, session)| (*id, session.clone())).collect();
    found
}
