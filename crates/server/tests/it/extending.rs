//! Extending a hold.

use poltrona_testkit::app::{HOLD, MILLI, NEARLY, NOBODY, TestApp};
use serde_json::json;

#[tokio::test]
async fn an_extension_is_one_hold_more_from_now_and_moves_the_seats_along() {
    let app = TestApp::open().await;
    let session = app.session().await;
    let seats = session.seats(["A2", "A1"]);
    let held = app.reserve_all(&seats, "ana").await.expect(201);
    app.advance(NEARLY);
    let extended = app.extend(&held.id()).await.expect(200);
    let mut expected = held.body.clone();
    expected["expiresAt"] = json!("2026-11-24T10:00:59.999Z");
    assert_eq!(extended.body, expected);
    assert_eq!(extended.header("location"), None);
    let shown = app.get(&format!("/reservations/{}", held.id())).await.expect(200);
    assert_eq!(shown.body, expected);
    app.advance(NEARLY);
    let refused = app.reserve(seats[0], "bia").await.refused(409, "seat_held");
    assert_eq!(refused.body["seats"][0]["retryAt"], "2026-11-24T10:00:59.999Z");
    assert_eq!(app.seat(&session, "A1").await, ("RESERVED".to_owned(), true));
    app.advance(MILLI);
    assert_eq!(app.seat(&session, "A1").await, ("AVAILABLE".to_owned(), false));
    app.pay(&held.id()).await.refused(410, "reservation_expired");
}

#[tokio::test]
async fn a_hold_is_extended_three_times_and_no_more() {
    let app = TestApp::open().await;
    let session = app.session().await;
    let held = app.reserve(session.seat("A1"), "ana").await.expect(201).id();
    for _ in 0..3 {
        app.advance(NEARLY);
        app.extend(&held).await.expect(200);
    }
    let last = app.get(&format!("/reservations/{held}")).await.expect(200).text("expiresAt");
    app.advance(NEARLY);
    app.extend(&held).await.refused(409, "extension_refused");
    let shown = app.get(&format!("/reservations/{held}")).await.expect(200);
    assert_eq!(shown.text("expiresAt"), last);
    app.pay(&held).await.expect(201);
}

#[tokio::test]
async fn an_extension_right_away_takes_no_time_away() {
    let app = TestApp::open().await;
    let session = app.session().await;
    let held = app.reserve(session.seat("A1"), "ana").await.expect(201);
    let extended = app.extend(&held.id()).await.expect(200);
    assert_eq!(extended.text("expiresAt"), held.text("expiresAt"));
}

#[tokio::test]
async fn a_reservation_that_is_over_cannot_be_extended() {
    let app = TestApp::open().await;
    let session = app.session().await;
    let lapsed = app.reserve(session.seat("A1"), "ana").await.expect(201).id();
    app.advance(HOLD);
    app.extend(&lapsed).await.refused(410, "reservation_expired");
    app.settle().await;
    app.extend(&lapsed).await.refused(410, "reservation_expired");
    let paid = app.reserve(session.seat("A2"), "ana").await.expect(201).id();
    app.pay(&paid).await.expect(201);
    app.extend(&paid).await.refused(409, "reservation_confirmed");
    app.extend(NOBODY).await.refused(404, "reservation_not_found");
    assert_eq!(app.seat_status(&session, "A1").await, "AVAILABLE");
}
