//! Commands that wait for rows locked by other transactions.

use std::time::Duration;

use poltrona_testkit::app::TestApp;
use poltrona_testkit::wait::wait_for;

use super::opening::in_real_time;

#[tokio::test]
async fn a_payment_that_waits_past_the_deadline_is_refused_and_the_seat_sold_once() {
    let app = in_real_time(Duration::from_millis(700)).await;
    let other = app.another().await;
    let session = app.session().await;
    let held = app.reserve(session.seat("A1"), "ana").await.expect(201).id();
    let expires_at: i64 = app.sql("SELECT expires_at FROM reservations");
    let lock = app.place().keep_locked("SELECT 1 FROM seats WHERE seat_no = 1 FOR UPDATE").await;
    let (paid, ()) = tokio::join!(app.pay(&held).into_future(), async {
        // It came in time: it waits already while the hold still lives.
        app.place().wait_for_waiting(1).await;
        assert!(app.place().servers_millis() < expires_at, "the machine is too slow to tell this");
        let lapsed = async || (app.place().servers_millis() >= expires_at).then_some(());
        wait_for("the hold lapses", lapsed).await;
        lock.end();
    });
    paid.refused(410, "reservation_expired");
    let bias = other.reserve(session.seat("A1"), "bia").await.expect(201).id();
    app.pay(&held).await.refused(410, "reservation_expired");
    other.pay(&bias).await.expect(201);
    assert_eq!((app.count("sales"), app.count("sale_seats")), (1, 1));
}

#[tokio::test]
async fn a_wait_for_a_lock_of_more_than_a_second_is_a_503_and_nothing_is_done() {
    let app = TestApp::on_a_server().await;
    let session = app.session().await;
    let lock = app.place().keep_locked("SELECT 1 FROM seats WHERE seat_no = 1 FOR UPDATE").await;
    let refused = app.reserve(session.seat("A1"), "ana").await.refused(503, "overloaded");
    assert_eq!(refused.header("retry-after"), Some("1"));
    // A command for another seat does not wait with it.
    app.reserve(session.seat("A2"), "bia").await.expect(201);
    lock.end();
    app.reserve(session.seat("A1"), "caio").await.expect(201);
    assert_eq!(app.count("reservations"), 2);
}

#[tokio::test]
async fn in_a_batch_only_commands_on_locked_seats_wait_in_vain() {
    let app = TestApp::on_a_server().await;
    let session = app.session().await;
    let lock = app.place().keep_locked("SELECT 1 FROM seats WHERE seat_no = 1 FOR UPDATE").await;
    let ask = |number| app.reserve(session.seat(number), "ana").into_future();
    let hold = app.engine().ledger.pause();
    let (locked, free, also_free, ()) =
        tokio::join!(ask("A1"), ask("A2"), ask("A3"), async { drop(hold) });
    locked.refused(503, "overloaded");
    free.expect(201);
    also_free.expect(201);
    lock.end();
    assert_eq!(app.seat_status(&session, "A1").await, "AVAILABLE");
}
