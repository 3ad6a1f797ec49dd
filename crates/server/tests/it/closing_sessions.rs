//! Closing a session in which nobody has a seat.

use poltrona_testkit::app::{HOLD, NEARLY, NOBODY, TestApp};
use serde_json::json;

#[tokio::test]
async fn a_closed_session_is_found_nowhere() {
    let app = TestApp::open().await;
    let (closed, open) = (app.session().await, app.session().await);
    let answer = app.delete(&closed.path()).await.expect(204);
    assert!(answer.bytes.is_empty());
    app.get(&closed.path()).await.refused(404, "session_not_found");
    app.get(&format!("/seats/{}", closed.id)).await.refused(404, "session_not_found");
    app.patch(&closed.path(), &json!({ "room": "Sala 2" })).await.refused(404, "session_not_found");
    app.delete(&closed.path()).await.refused(404, "session_not_found");
    app.reserve(closed.seat("A1"), "ana").await.refused(404, "seat_not_found");
    assert_eq!(app.get("/sessions").await.expect(200).ids(), [&*open.id]);
    app.delete(&format!("/sessions/{NOBODY}")).await.refused(404, "session_not_found");
}

#[tokio::test]
async fn a_session_with_a_live_hold_or_a_sale_stays_open() {
    let app = TestApp::open().await;
    let session = app.session().await;
    let seats = session.seats(["A1", "A2"]);
    let held = app.reserve_all(&seats, "ana").await.expect(201);
    app.delete(&session.path()).await.refused(409, "session_in_use");
    app.advance(NEARLY);
    app.delete(&session.path()).await.refused(409, "session_in_use");
    app.pay(&held.id()).await.expect(201);
    app.advance(HOLD);
    app.settle().await;
    app.delete(&session.path()).await.refused(409, "session_in_use");
    app.get(&session.path()).await.expect(200);
}

#[tokio::test]
async fn a_session_closes_the_moment_its_last_hold_lapses() {
    let app = TestApp::open().await;
    let session = app.session().await;
    let held = app.reserve(session.seat("A1"), "ana").await.expect(201);
    app.advance(HOLD);
    app.delete(&session.path()).await.expect(204);
    app.pay(&held.id()).await.refused(410, "reservation_expired");
    app.settle().await;
    assert_eq!(app.count("sales"), 0);
}

#[tokio::test]
async fn a_session_closes_once_its_hold_is_cancelled_and_the_reservation_stays_readable() {
    let app = TestApp::open().await;
    let session = app.session().await;
    let held = app.reserve(session.seat("A1"), "ana").await.expect(201);
    app.cancel(&held.id()).await.expect(204);
    app.delete(&session.path()).await.expect(204);
    assert_eq!(app.status(&held.id()).await, "CANCELLED");
    let list = app.get("/reservations/user/ana").await.expect(200);
    assert_eq!(list.ids(), [held.id()]);
    assert_eq!(list.body[0]["seatNumbers"], json!(["A1"]));
    assert_eq!(list.body[0]["sessionId"], json!(session.id));
}
