//! Many concurrent requests for the same thing.

use std::collections::BTreeMap;

use poltrona_engine::store::background::{BackgroundWrite, Effect, Projection, SessionChange};
use poltrona_testkit::app::{Answer, TestApp, at_once, count};
use serde_json::json;
use uuid::Uuid;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_hundred_who_want_one_seat_one_gets_it() {
    let app = TestApp::open().await;
    let session = app.session().await;
    let seat = session.seat("A1");
    let answers = at_once((0..200).map(|i| app.reserve(seat, &format!("user-{i}")))).await;
    assert_eq!((count(&answers, 201), count(&answers, 409)), (1, 199));
    for answer in answers.into_iter().filter(|answer| answer.status == 409) {
        answer.refused(409, "seat_held");
    }
    assert_eq!(app.count("reservations"), 1);
    app.assert_books_balance();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn groups_that_overlap_get_all_their_seats_or_none() {
    let app = TestApp::open().await;
    let session = app.session().seats(16).await;
    let seats = session.all_seats();
    // Each pair shares a seat with the next, in both directions.
    let requests = (0..160).map(|i| {
        let (one, other) = (seats[i % 16], seats[(i + 1) % 16]);
        let ids = if i % 3 == 0 { json!([other, one]) } else { json!([one, other]) };
        app.post("/reservations", &json!({ "seatIds": ids, "userId": format!("user-{i}") }))
    });
    let answers = at_once(requests).await;
    let won = count(&answers, 201);
    assert_eq!(won + count(&answers, 409), 160);
    assert!((6..=8).contains(&won), "{won} pairs leave no two neighbours free");
    assert_eq!(app.count("seats WHERE status = 'RESERVED'"), 2 * i64::try_from(won).unwrap());
    app.assert_books_balance();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reservation_paid_a_hundred_times_at_once_is_one_sale() {
    let app = TestApp::open().await;
    let session = app.session().await;
    let held = app.reserve(session.seat("A1"), "ana").await.expect(201).id();
    let answers = at_once((0..100).map(|_| app.pay(&held))).await;
    assert_eq!((count(&answers, 201), count(&answers, 409)), (1, 99));
    for answer in answers.into_iter().filter(|answer| answer.status == 409) {
        answer.refused(409, "reservation_confirmed");
    }
    assert_eq!(app.count("sales"), 1);
    app.assert_books_balance();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reservation_paid_and_cancelled_at_once_is_one_or_the_other() {
    let app = TestApp::open().await;
    let session = app.session().await;
    for seat in session.all_seats() {
        let held = app.reserve(seat, "ana").await.expect(201).id();
        let answers = at_once([app.pay(&held), app.cancel(&held), app.pay(&held)]).await;
        let (paid, cancelled) = (count(&answers, 201), count(&answers, 204));
        assert_eq!(paid + cancelled, 1, "{answers:?}");
        let expected = if paid == 1 { "CONFIRMED" } else { "CANCELLED" };
        assert_eq!(app.status(&held).await, expected);
    }
    app.assert_books_balance();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_used_a_hundred_times_at_once_has_one_effect() {
    let app = TestApp::open().await;
    let session = app.session().await;
    let answers = at_once((0..100).map(|_| app.reserve(session.seat("A1"), "ana").key("k"))).await;
    assert_eq!(count(&answers, 201), 100);
    assert!(answers.iter().all(|answer| answer.bytes == answers[0].bytes));
    let replays = answers.iter().filter(|it| it.header("idempotency-replayed").is_some()).count();
    assert_eq!(replays, 99);
    assert_eq!(app.count("reservations"), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_house_is_sold_once_by_a_crowd() {
    let app = TestApp::open().await;
    let session = app.session().seats(64).await;
    let seats = session.all_seats();
    let wishes = (0..320).map(|i| app.reserve(seats[i * 7 % 64], &format!("user-{}", i / 64)));
    let held = at_once(wishes).await;
    let ids: Vec<_> = held.iter().filter(|it| it.status == 201).map(Answer::id).collect();
    assert_eq!(ids.len(), 64);
    let paid = at_once(ids.iter().chain(&ids).map(|id| app.pay(id))).await;
    assert_eq!((count(&paid, 201), count(&paid, 409)), (64, 64));
    app.settle().await;
    app.assert_books_balance();
    assert_eq!(app.count("session_stats WHERE seats = 64 AND held = 0 AND sold = 64"), 1);
}

#[tokio::test]
async fn a_consumers_write_that_is_refused_takes_nobodys_seat_with_it() {
    // One command a transaction, so that the consumer's write rides with one that is alone.
    let app = TestApp::with(|config| config.batch_max = 1).await;
    let session = app.session().await;
    let ask = |number| app.reserve(session.seat(number), "ana").into_future();
    app.place().forbid("INSERT", "session_stats");
    let change = SessionChange { seats: 1, ..SessionChange::default() };
    let effect = Effect {
        message: Uuid::from_u128(1),
        created_at: app.engine().env.clock.now(),
        sessions: BTreeMap::from([(Uuid::from_u128(2), change)]),
        hours: BTreeMap::new(),
    };
    let (projection, effects) = (Projection::SessionStats, vec![effect]);
    let write = BackgroundWrite::Project { projection, effects, synced: false };
    let impossible = app.engine().ledger.write(write);
    let stall = app.stall().await;
    let (first, second, refused, ()) =
        tokio::join!(ask("A1"), ask("A2"), impossible, async { stall.end() });
    assert_eq!(refused, Err(poltrona_engine::ledger::Error::InvariantViolation));
    first.expect(201);
    second.expect(201);
}
