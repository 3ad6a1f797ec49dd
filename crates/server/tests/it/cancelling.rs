//! Giving seats back.

use poltrona_testkit::app::{HOLD, NOBODY, TestApp};

#[tokio::test]
async fn a_cancelled_reservation_frees_its_seats_at_once() {
    let app = TestApp::open().await;
    let session = app.session().await;
    let seats = session.seats(["A1", "A2"]);
    let held = app.reserve_all(&seats, "ana").await.expect(201);
    let cancelled = app.cancel(&held.id()).await.expect(204);
    assert!(cancelled.bytes.is_empty());
    assert_eq!(app.status(&held.id()).await, "CANCELLED");
    for number in ["A1", "A2"] {
        assert_eq!(app.seat(&session, number).await, ("AVAILABLE".to_owned(), false));
    }
    app.reserve_all(&seats, "bia").await.expect(201);
}

#[tokio::test]
async fn cancelling_again_changes_nothing_even_when_the_seat_has_a_new_owner() {
    let app = TestApp::open().await;
    app.record_events();
    let session = app.session().await;
    let held = app.reserve(session.seat("A1"), "ana").await.expect(201);
    app.cancel(&held.id()).await.expect(204);
    app.reserve(session.seat("A1"), "bia").await.expect(201);
    app.cancel(&held.id()).await.expect(204);
    assert_eq!(app.seat_status(&session, "A1").await, "RESERVED");
    // Nor once its time would have been over.
    app.advance(HOLD);
    app.cancel(&held.id()).await.expect(204);
    assert_eq!(app.status(&held.id()).await, "CANCELLED");
    let cancellations =
        app.event_names().into_iter().filter(|name| name == "reservation.cancelled");
    assert_eq!(cancellations.count(), 1);
}

#[tokio::test]
async fn a_paid_or_lapsed_reservation_cannot_be_cancelled() {
    let app = TestApp::open().await;
    let session = app.session().await;
    let paid = app.reserve(session.seat("A1"), "ana").await.expect(201).id();
    app.pay(&paid).await.expect(201);
    app.cancel(&paid).await.refused(409, "reservation_confirmed");
    let lapsed = app.reserve(session.seat("A2"), "ana").await.expect(201).id();
    app.advance(HOLD);
    app.cancel(&lapsed).await.refused(410, "reservation_expired");
    app.settle().await;
    app.cancel(&lapsed).await.refused(410, "reservation_expired");
    app.cancel(&paid).await.refused(409, "reservation_confirmed");
    app.cancel(NOBODY).await.refused(404, "reservation_not_found");
    assert_eq!(app.seat_status(&session, "A1").await, "SOLD");
}

#[tokio::test]
async fn a_cancelled_reservation_can_be_neither_paid_nor_extended() {
    let app = TestApp::open().await;
    let session = app.session().await;
    let held = app.reserve(session.seat("A1"), "ana").await.expect(201).id();
    app.cancel(&held).await.expect(204);
    app.pay(&held).await.refused(410, "reservation_cancelled");
    app.extend(&held).await.refused(410, "reservation_cancelled");
    assert_eq!(app.count("sales"), 0);
    assert_eq!(app.seat_status(&session, "A1").await, "AVAILABLE");
}
