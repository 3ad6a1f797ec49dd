//! Requests and changes of marks that come while a call to Redis is in flight share the next one.

use futures_util::future::join_all;
use futures_util::poll;
use poltrona_testkit::app::{Answer, Request, Session, TestApp};
use poltrona_testkit::engines::Redis;

use super::marks::{Marks as _, key, open_as, open_with, outcomes};

/// Box office, session, and a Redis that keeps a record of every call.
async fn setting() -> (Redis, TestApp, Session) {
    let redis = Redis::start().await;
    let app = open_with(&redis).await;
    let session = app.session().await;
    redis.ask::<()>(&["CONFIG", "SET", "slowlog-log-slower-than", "0"]);
    (redis, app, session)
}

/// The script calls about a session so far, latest first, with their first thirty arguments.
fn calls(redis: &Redis, session: &Session) -> Vec<String> {
    let log = redis.ask::<Vec<redis::Value>>(&["SLOWLOG", "GET", "-1"]);
    let calls = log.iter().map(|entry| format!("{entry:?}"));
    calls.filter(|it| it.contains("EVALSHA") && it.contains(&session.id)).collect()
}

/// A request whose call to Redis, which is paused, is in flight.
async fn in_flight(app: &TestApp, request: Request) -> impl Future<Output = Answer> + use<> {
    let mut asking = request.into_future();
    assert!(poll!(&mut asking).is_pending());
    assert_eq!(app.engine().seat_lock.waiting(), 1);
    app.wait_until("it is in flight", || app.engine().seat_lock.waiting() == 0).await;
    asking
}

/// Goes on with the requests until so much waits for the next call.
async fn until_waiting(app: &TestApp, asking: impl Future + Unpin, count: usize) {
    tokio::select! {
        _ = asking => panic!("answered while Redis is paused"),
        () = app.wait_until("all wait", || app.engine().seat_lock.waiting() == count) => {}
    }
}

#[tokio::test]
async fn requests_that_come_during_a_call_share_the_next() {
    let (redis, app, session) = setting().await;
    redis.pause();
    let seats = session.all_seats();
    let (first, others) = seats.split_first().unwrap();
    let first = in_flight(&app, app.reserve(first, "ana")).await;
    let mut others = join_all(others.iter().map(|seat| app.reserve(seat, "bia").into_future()));
    until_waiting(&app, &mut others, seats.len() - 1).await;
    redis.resume();
    let (first, others) = tokio::join!(first, others);
    first.expect(201);
    for other in others {
        other.expect(201);
    }
    assert_eq!(outcomes(&app, "granted"), 16);
    // And grants whose marks are right need no further call.
    assert_eq!(calls(&redis, &session).len(), 2);
}

#[tokio::test]
async fn of_two_requests_for_a_seat_in_one_call_the_second_meets_the_firsts_mark() {
    let (redis, app, session) = setting().await;
    redis.pause();
    let other = in_flight(&app, app.reserve(session.seat("A2"), "zoe")).await;
    let asks = ["ana", "bia"].map(|user| app.reserve(session.seat("A1"), user).into_future());
    let mut both = join_all(asks);
    until_waiting(&app, &mut both, 2).await;
    redis.resume();
    let (other, both) = tokio::join!(other, both);
    other.expect(201);
    let [ana, bia] = both.try_into().expect("two answers");
    assert!(redis.mark(&session, "A1").starts_with(&ana.expect(201).id()));
    bia.refused(409, "seat_held");
    assert_eq!((outcomes(&app, "granted"), outcomes(&app, "unsure")), (2, 1));
    assert_eq!(calls(&redis, &session).len(), 2);
}

#[tokio::test]
async fn a_seat_that_was_given_back_can_be_taken_in_the_same_call() {
    let (redis, app, session) = setting().await;
    let held = app.reserve(session.seat("A1"), "ana").await.expect(201).id();
    redis.pause();
    let other = in_flight(&app, app.reserve(session.seat("A2"), "zoe")).await;
    let mut cancelling = app.cancel(&held).into_future();
    until_waiting(&app, &mut cancelling, 1).await;
    let mut asking = app.reserve(session.seat("A1"), "bia").into_future();
    until_waiting(&app, &mut asking, 2).await;
    redis.resume();
    let (other, cancelled, taken) = tokio::join!(other, cancelling, asking);
    other.expect(201);
    cancelled.expect(204);
    assert!(redis.mark(&session, "A1").starts_with(&taken.expect(201).id()));
    assert_eq!(outcomes(&app, "granted"), 3);
    assert_eq!(calls(&redis, &session).len(), 3);
}

#[tokio::test]
async fn a_client_that_leaves_before_its_call_is_not_asked_for() {
    let (redis, app, session) = setting().await;
    redis.pause();
    let first = in_flight(&app, app.reserve(session.seat("A1"), "ana")).await;
    let mut leaving = app.reserve(session.seat("A2"), "bia").into_future();
    until_waiting(&app, &mut leaving, 1).await;
    drop(leaving);
    redis.resume();
    first.await.expect(201);
    // Calls are made in order.
    app.reserve(session.seat("A3"), "caio").await.expect(201);
    let key = key(&session, "A2");
    let is_asked = |call: &String| call.contains(&key) && call.contains("take");
    assert!(!calls(&redis, &session).iter().any(is_asked));
}

#[tokio::test]
async fn a_client_that_leaves_during_its_call_leaves_no_mark() {
    let (redis, app, session) = setting().await;
    redis.pause();
    drop(in_flight(&app, app.reserve(session.seat("A1"), "ana")).await);
    redis.resume();
    // Calls are made in order.
    app.reserve(session.seat("A2"), "bia").await.expect(201);
    assert_eq!(redis.mark(&session, "A1"), "");
    assert!(calls(&redis, &session).iter().any(|call| call.contains("take")));
}

#[tokio::test]
async fn a_call_that_is_not_answered_in_time_leaves_no_mark_of_what_the_database_refuses() {
    let redis = Redis::start().await;
    let limit = std::time::Duration::from_millis(50);
    let app = open_as(&redis.url(), |config| config.redis_timeout = limit).await;
    let session = app.session().await;
    app.reserve(session.seat("A2"), "zoe").await.expect(201);
    redis.ask::<()>(&["FLUSHALL"]);
    redis.pause();
    let groups = [["A1", "A2"], ["A2", "A3"]].map(|numbers| session.seats(numbers));
    let asks = groups.iter().map(|seats| app.reserve_all(seats, "ana").into_future());
    for refused in join_all(asks).await {
        refused.refused(409, "seat_held");
    }
    redis.resume();
    let is_marked = |number| !redis.mark(&session, number).is_empty();
    app.wait_until("the refusal is marked", || {
        redis.mark(&session, "A2").starts_with("00000000-0000-0000-0000-000000000000 ")
    })
    .await;
    app.wait_until("the free seats are not", || !is_marked("A1") && !is_marked("A3")).await;
}
