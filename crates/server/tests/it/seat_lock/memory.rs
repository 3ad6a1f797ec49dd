//! Embedded, a refusal is repeated from memory while nothing has changed in its session.

use poltrona_testkit::app::{HOLD, TestApp};

use super::marks::counter;

#[tokio::test]
async fn a_taken_seat_is_refused_while_nothing_can_be_written() {
    let app = TestApp::embedded().await;
    let session = app.session().await;
    let held = app.reserve(session.seat("A1"), "ana").await.expect(201);
    let by_ledger = app.reserve(session.seat("A1"), "bia").await.refused(409, "seat_held");
    let stall = app.stall().await;
    let repeated = app.reserve(session.seat("A1"), "caio").await.refused(409, "seat_held");
    stall.end();
    assert_eq!(repeated.body["seats"], by_ledger.body["seats"]);
    assert_eq!(repeated.body["seats"][0]["retryAt"], held.body["expiresAt"]);
    assert_eq!(
        counter(&app, r#"poltrona_commands_total{command="reserve",outcome="refused"} "#),
        2
    );
    // The holder's refusal is another one, and comes from the ledger.
    let own = app.reserve(session.seat("A1"), "ana").await.refused(409, "seat_held");
    assert_eq!(own.body["seats"][0]["reservationId"], held.body["id"]);
}

#[tokio::test]
async fn a_seat_that_was_given_back_or_has_lapsed_is_granted_at_once() {
    let app = TestApp::embedded().await;
    let session = app.session().await;
    let held = app.reserve(session.seat("A1"), "ana").await.expect(201).id();
    for _ in 0..2 {
        app.reserve(session.seat("A1"), "bia").await.refused(409, "seat_held");
    }
    app.cancel(&held).await.expect(204);
    app.reserve(session.seat("A1"), "bia").await.expect(201);
    for _ in 0..2 {
        app.reserve(session.seat("A1"), "ana").await.refused(409, "seat_held");
    }
    app.advance(HOLD);
    app.reserve(session.seat("A1"), "ana").await.expect(201);
    app.settle().await;
    app.assert_books_balance();
}
