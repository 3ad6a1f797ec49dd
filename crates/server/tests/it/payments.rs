//! Payments, and the list of sales.

use poltrona_testkit::app::{HOLD, MILLI, NEARLY, NOBODY, START, TestApp};
use serde_json::json;

#[tokio::test]
async fn a_payment_sells_the_seat() {
    let app = TestApp::open().await;
    let session = app.session().price(25.5).await;
    let held = app.reserve(session.seat("A1"), "ana").await.expect(201);
    app.advance(MILLI);
    let paid = app.pay(&held.id()).await.expect(201);
    let expected = json!({
        "id": paid.id(),
        "reservationId": held.id(),
        "seatId": session.seat("A1"),
        "userId": "ana",
        "paidAt": "2026-11-24T10:00:00.001Z",
        "seatIds": [session.seat("A1")],
        "seatNumbers": ["A1"],
        "total": 25.5,
        "currency": "BRL",
    });
    assert_eq!(paid.body, expected);
    assert_eq!(paid.header("location"), Some(&*format!("/reservations/{}", held.id())));
    assert_eq!(app.status(&held.id()).await, "CONFIRMED");
    assert_eq!(app.seat_status(&session, "A1").await, "SOLD");
}

#[tokio::test]
async fn a_payment_needs_no_body_and_no_content_type() {
    let app = TestApp::open().await;
    let session = app.session().await;
    let held = app.reserve(session.seat("A1"), "ana").await.expect(201);
    app.pay(&held.id()).raw("").await.expect(201);
    let held = app.reserve(session.seat("A2"), "ana").await.expect(201);
    app.pay(&held.id()).json(&json!({})).await.expect(201);
}

#[tokio::test]
async fn a_reservation_is_paid_once() {
    let app = TestApp::open().await;
    let session = app.session().await;
    let held = app.reserve(session.seat("A1"), "ana").await.expect(201);
    app.pay(&held.id()).await.expect(201);
    app.pay(&held.id()).await.refused(409, "reservation_confirmed");
    // Long after its hold would have lapsed it is still shown as paid.
    app.advance(HOLD * 2);
    app.settle().await;
    app.pay(&held.id()).await.refused(409, "reservation_confirmed");
    assert_eq!(app.status(&held.id()).await, "CONFIRMED");
    assert_eq!(app.count("sales"), 1);
}

#[tokio::test]
async fn a_hold_is_paid_to_its_last_millisecond_and_not_on_the_next() {
    let app = TestApp::open().await;
    let session = app.session().await;
    let [first, second] = session.seats(["A1", "A2"]);
    let first = app.reserve(first, "ana").await.expect(201).id();
    let second = app.reserve(second, "ana").await.expect(201).id();
    app.advance(NEARLY);
    app.pay(&first).await.expect(201);
    app.advance(MILLI);
    app.pay(&second).await.refused(410, "reservation_expired");
    app.settle().await;
    app.pay(&second).await.refused(410, "reservation_expired");
    assert_eq!(app.seat_status(&session, "A1").await, "SOLD");
    assert_eq!(app.seat_status(&session, "A2").await, "AVAILABLE");
}

#[tokio::test]
async fn each_reason_not_to_pay_has_its_own_error() {
    let app = TestApp::open().await;
    app.pay(NOBODY).await.refused(404, "reservation_not_found");
    for id in ["x", "0", "%20", &NOBODY[..35], &NOBODY.replace('-', "")] {
        app.pay(id).await.refused(422, "malformed_id");
    }
    let session = app.session().await;
    app.pay(&session.id).await.refused(404, "reservation_not_found");
}

#[tokio::test]
async fn the_history_lists_each_sale_newest_first() {
    let app = TestApp::open().await;
    let session = app.session().movie("Duna").room("Sala 2").price(30.0).await;
    assert_eq!(app.get("/sales/history/ana").await.expect(200).body, json!([]));
    let mut sales = Vec::new();
    for (number, user) in [("A1", "ana"), ("A2", "bia"), ("A3", "ana")] {
        let held = app.reserve(session.seat(number), user).await.expect(201);
        sales.push(app.pay(&held.id()).await.expect(201));
        app.advance(MILLI);
    }
    let history = app.get("/sales/history/ana").await.expect(200);
    assert_eq!(history.ids(), [sales[2].id(), sales[0].id()]);
    let expected = json!({
        "id": sales[0].id(),
        "reservationId": sales[0].text("reservationId"),
        "seatId": session.seat("A1"),
        "userId": "ana",
        "paidAt": START,
        "seatNumber": "A1",
        "movie": "Duna",
        "room": "Sala 2",
        "startsAt": "2026-12-01T19:00:00.000Z",
        "ticketPrice": 30,
        "seatIds": [session.seat("A1")],
        "seatNumbers": ["A1"],
        "total": 30,
        "currency": "BRL",
    });
    assert_eq!(history.body[1], expected);
}
