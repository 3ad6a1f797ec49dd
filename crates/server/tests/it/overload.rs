//! More than can be done at once.

use std::time::Duration;

use futures_util::future::join_all;
use poltrona::config::Config;
use poltrona_testkit::app::{Answer, Request, Session, TestApp};

/// How many answers have this status.
fn count(answers: &[Answer], status: u16) -> usize {
    answers.iter().filter(|answer| answer.status == status).count()
}

/// Commands wait in one queue of eight, and are decided one by one.
const fn one_short_queue(config: &mut Config) {
    (config.ledger_workers, config.queue_depth, config.batch_max) = (1, 8, 1);
}

/// A request for each of so many seats of a session.
fn asks(app: &TestApp, session: &Session, count: usize) -> Vec<Request> {
    session.all_seats().into_iter().take(count).map(|seat| app.reserve(seat, "ana")).collect()
}

async fn send_all(requests: Vec<Request>) -> Vec<Answer> {
    join_all(requests.into_iter().map(IntoFuture::into_future)).await
}

#[tokio::test]
async fn a_command_that_does_not_fit_the_queue_is_refused_at_once_and_not_done() {
    let app = TestApp::with(one_short_queue).await;
    let sessions = [app.session().await, app.session().await, app.session().await];
    let stall = app.stall().await;
    let requests: Vec<_> = sessions.iter().flat_map(|session| asks(&app, session, 4)).collect();
    let (answers, ()) = tokio::join!(send_all(requests), async { stall.end() });
    let (taken, refused) = (count(&answers, 201), count(&answers, 503));
    // Eight wait; the writer may have taken one more.
    assert!(taken == 8 || taken == 9, "{taken}");
    assert_eq!(taken + refused, 12);
    let refused: Vec<_> = answers.into_iter().filter(|answer| answer.status == 503).collect();
    for answer in refused {
        let answer = answer.refused(503, "overloaded");
        assert_eq!(answer.header("retry-after"), Some("1"));
    }
    assert_eq!(app.count("reservations"), i64::try_from(taken).unwrap());
    // When the rush is over there is room again.
    app.reserve(sessions[0].seat("B8"), "bia").await.expect(201);
}

#[tokio::test]
async fn one_session_fills_at_most_half_the_queue() {
    let app = TestApp::with(one_short_queue).await;
    let (crowded, quiet) = (app.session().await, app.session().await);
    let stall = app.stall().await;
    let mut requests = asks(&app, &crowded, 12);
    requests.extend(asks(&app, &quiet, 3));
    let (answers, ()) = tokio::join!(send_all(requests), async { stall.end() });
    let taken = count(&answers[..12], 201);
    assert!(taken == 4 || taken == 5, "{taken}");
    assert_eq!(count(&answers[..12], 503), 12 - taken);
    assert_eq!(count(&answers[12..], 201), 3);
}

#[tokio::test]
async fn opening_sessions_leaves_room_for_those_who_buy() {
    let app = TestApp::with(one_short_queue).await;
    let session = app.session().await;
    let stall = app.stall().await;
    let body = poltrona_testkit::app::session_body();
    let opening: Vec<_> = (0..5).map(|_| app.post("/sessions", &body)).collect();
    let (opened, bought, ()) =
        tokio::join!(send_all(opening), send_all(asks(&app, &session, 4)), async { stall.end() },);
    // An eighth of the queue, and what the writer may have taken.
    let taken = count(&opened, 201);
    assert!(taken == 1 || taken == 2, "{taken}");
    assert_eq!(count(&opened, 503), 5 - taken);
    assert_eq!(count(&bought, 201), 4);
}

#[tokio::test]
async fn reading_goes_on_while_nothing_can_be_written() {
    let app = TestApp::open().await;
    let session = app.session().await;
    let stall = app.stall().await;
    app.get("/sessions").await.expect(200);
    app.get(&session.path()).await.expect(200);
    assert_eq!(app.seat_status(&session, "A1").await, "AVAILABLE");
    app.get("/readyz").await.expect(200);
    stall.end();
}

#[tokio::test]
async fn a_command_past_its_time_has_an_unknown_outcome_only_if_it_was_begun() {
    let app = TestApp::with(|config| {
        one_short_queue(config);
        // Half of what a worker waits for rows that someone else has locked on a server.
        config.request_timeout = Duration::from_millis(500);
    })
    .await;
    let session = app.session().await;
    let stall = app.stall().await;
    let ask = |number| app.reserve(session.seat(number), "ana").into_future();
    let (first, second) = tokio::join!(ask("A1"), ask("A2"));
    // The first was in the writer's hands by then; the second never began.
    first.refused(503, "outcome_unknown");
    let refusal = second.refused(503, "overloaded");
    assert_eq!(refusal.header("retry-after"), Some("1"));
    stall.end();
    app.reserve(session.seat("A3"), "bia").await.expect(201);
    assert_eq!(app.seat_status(&session, "A1").await, "RESERVED");
    assert_eq!(app.seat_status(&session, "A2").await, "AVAILABLE");
}
