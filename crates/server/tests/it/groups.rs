//! Several seats together: all of them or none.

use poltrona_testkit::app::{HOLD, TestApp};
use serde_json::{Value, json};

#[tokio::test]
async fn seats_are_held_together_in_the_order_asked() {
    let app = TestApp::open().await;
    let session = app.session().price(25.5).await;
    let seats = session.seats(["B3", "A1", "B2"]);
    let held = app.reserve_all(&seats, "ana").await.expect(201);
    assert_eq!(held.body["seatIds"], json!(seats));
    assert_eq!(held.body["seatNumbers"], json!(["B3", "A1", "B2"]));
    assert_eq!(held.text("seatId"), seats[0]);
    assert_eq!(held.body["total"], json!(76.5));
    for number in ["A1", "B2", "B3"] {
        assert_eq!(app.seat_status(&session, number).await, "RESERVED");
    }
    let shown = app.get(&format!("/reservations/{}", held.id())).await.expect(200);
    assert_eq!(shown.body, held.body);
    assert_eq!(app.count("reservations"), 1);
}

#[tokio::test]
async fn ten_seats_are_the_most_and_cost_ten_times_one() {
    let app = TestApp::open().await;
    let session = app.session().price(29.99).await;
    let seats = session.seats(["A1", "A2", "A3", "A4", "A5", "A6", "A7", "A8", "B1", "B2"]);
    let held = app.reserve_all(&seats, "ana").await.expect(201);
    assert_eq!(held.body["total"], json!(299.9));
    let eleven = session.seats(["B8", "B7", "B6", "B5", "B4", "B3", "B2", "B1", "A1", "A2", "A3"]);
    let refused = app.reserve_all(&eleven, "bia").english().await;
    refused.breaks(&["seatIds must name 1 to 10 seats"]);
}

#[tokio::test]
async fn one_seat_in_a_list_is_a_reservation_like_any_other() {
    let app = TestApp::open().await;
    let session = app.session().await;
    let held = app.reserve_all(&[session.seat("A1")], "ana").await.expect(201);
    assert_eq!(held.text("seatId"), session.seat("A1"));
    assert_eq!(held.body["seatNumbers"], json!(["A1"]));
    let refused = app.reserve_all(&[session.seat("A1")], "bia").await;
    refused.refused(409, "seat_held");
}

#[tokio::test]
async fn a_list_of_seats_must_make_sense() {
    let app = TestApp::open().await;
    let (session, other) = (app.session().await, app.session().await);
    let (a1, a2) = (session.seat("A1"), session.seat("A2"));
    let breaks = async |body: Value, rules: &[&str]| {
        app.post("/reservations", &body).english().await.breaks(rules);
    };
    let either = "seatId or seatIds must be given, and not both";
    breaks(json!({ "seatId": a1, "seatIds": [a2], "userId": "ana" }), &[either]).await;
    breaks(json!({ "seatId": a1, "seatIds": [], "userId": "ana" }), &[either]).await;
    let count = "seatIds must name 1 to 10 seats";
    breaks(json!({ "seatIds": [], "userId": "ana" }), &[count]).await;
    breaks(json!({ "seatIds": vec![1; 11], "userId": "ana" }), &[count]).await;
    let twice = "seatIds must not name a seat twice";
    breaks(json!({ "seatIds": [a1, a2, a1], "userId": "ana" }), &[twice]).await;
    breaks(json!({ "seatIds": [a1, a1.to_uppercase()], "userId": "ana" }), &[twice]).await;
    let one = "seatIds must name seats of one session only";
    breaks(json!({ "seatIds": [a1, other.seat("A1")], "userId": "ana" }), &[one]).await;
    let list = "seatIds must be a list of strings";
    for seats in [json!(a1), json!(null), json!({ "0": a1 }), json!(1)] {
        breaks(json!({ "seatIds": seats, "userId": "ana" }), &[list]).await;
    }
    assert_eq!(app.count("reservations"), 0);
}

#[tokio::test]
async fn every_malformed_seat_id_of_a_list_is_listed() {
    let app = TestApp::open().await;
    let session = app.session().await;
    let body = json!({ "seatIds": ["x", session.seat("A1"), 7, "y"], "userId": "" });
    app.post("/reservations", &body).english().await.breaks(&[
        "seatIds[0] must be a UUID of 36 characters",
        "seatIds[2] must be a string",
        "seatIds[3] must be a UUID of 36 characters",
        "userId must not be blank",
    ]);
}

#[tokio::test]
async fn an_unknown_seat_is_refused_before_a_taken_one() {
    let app = TestApp::open().await;
    let session = app.session().seats(16).await;
    app.reserve(session.seat("A1"), "ana").await.expect(201);
    let missing = [17, 18].map(|no| format!("{}{no:04x}", &session.id[..32]));
    let asked = [session.seat("A1"), &missing[0], session.seat("A2"), &missing[1]];
    let refused = app.reserve_all(&asked, "bia").await.refused(404, "seat_not_found");
    let named: Vec<_> =
        refused.body["seats"].as_array().unwrap().iter().map(|s| &s["seatId"]).collect();
    assert_eq!(named, [&missing[0], &missing[1]]);
    assert_eq!(app.seat_status(&session, "A2").await, "AVAILABLE");
}

#[tokio::test]
async fn every_seat_that_stood_in_the_way_is_named_and_no_other_is_held() {
    let app = TestApp::open().await;
    let session = app.session().await;
    let sold = app.reserve(session.seat("A1"), "ana").await.expect(201);
    app.pay(&sold.id()).await.expect(201);
    let held = app.reserve(session.seat("A2"), "ana").await.expect(201);
    let asked = session.seats(["A3", "A2", "A4", "A1"]);
    let refused = app.reserve_all(&asked, "bia").await.refused(409, "seats_unavailable");
    assert_eq!(
        refused.body["seats"],
        json!([
            {
                "seatId": session.seat("A2"), "seatNumber": "A2", "status": "RESERVED",
                "retryAt": held.text("expiresAt"),
            },
            { "seatId": session.seat("A1"), "seatNumber": "A1", "status": "SOLD" },
        ])
    );
    for free in ["A3", "A4"] {
        assert_eq!(app.seat_status(&session, free).await, "AVAILABLE");
    }
    // A single taken seat of a group gives the error for one seat.
    let asked = session.seats(["A2", "A3"]);
    app.reserve_all(&asked, "bia").await.refused(409, "seat_held");
    let asked = session.seats(["A3", "A1"]);
    app.reserve_all(&asked, "bia").await.refused(409, "seat_sold");
    assert_eq!(app.count("reservations"), 2);
}

#[tokio::test]
async fn a_group_is_paid_as_one_sale_with_one_total() {
    let app = TestApp::open().await;
    let session = app.session().price(25.5).await;
    let seats = session.seats(["B8", "A1"]);
    let held = app.reserve_all(&seats, "ana").await.expect(201);
    let paid = app.pay(&held.id()).await.expect(201);
    assert_eq!(paid.body["seatIds"], json!(seats));
    assert_eq!(paid.body["seatNumbers"], json!(["B8", "A1"]));
    assert_eq!(paid.body["total"], json!(51));
    let history = app.get("/sales/history/ana").await.expect(200);
    let sales = history.body.as_array().unwrap();
    assert_eq!(sales.len(), 1);
    assert_eq!(sales[0]["seatIds"], json!(seats));
    assert_eq!(sales[0]["seatNumbers"], json!(["B8", "A1"]));
    assert_eq!(sales[0]["total"], json!(51));
    assert_eq!(sales[0]["ticketPrice"], json!(25.5));
    assert_eq!(app.count("sale_seats WHERE price_cents = 2550"), 2);
}

#[tokio::test]
async fn a_group_lapses_together() {
    let app = TestApp::open().await;
    let session = app.session().await;
    let seats = session.seats(["A1", "A2"]);
    let held = app.reserve_all(&seats, "ana").await.expect(201);
    app.advance(HOLD);
    // One of its seats is taken over before anything ran; the other lapses all the same.
    app.reserve(seats[0], "bia").await.expect(201);
    app.settle().await;
    assert_eq!(app.status(&held.id()).await, "EXPIRED");
    assert_eq!(app.seat_status(&session, "A1").await, "RESERVED");
    assert_eq!(app.seat_status(&session, "A2").await, "AVAILABLE");
    app.pay(&held.id()).await.refused(410, "reservation_expired");
}
