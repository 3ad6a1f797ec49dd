//! Holding one seat, and reading reservations.

use poltrona_testkit::app::{HOLD, MILLI, NOBODY, START, TestApp, fields};
use serde_json::{Value, json};

#[tokio::test]
async fn a_reservation_holds_a_seat_for_a_while() {
    let app = TestApp::open().await;
    let session = app.session().price(25.5).await;
    let held = app.reserve(session.seat("B2"), "ana").await.expect(201);
    let expected = json!({
        "id": held.id(),
        "seatId": session.seat("B2"),
        "userId": "ana",
        "status": "PENDING",
        "expiresAt": "2026-11-24T10:00:30.000Z",
        "createdAt": START,
        "sessionId": session.id,
        "seatIds": [session.seat("B2")],
        "seatNumbers": ["B2"],
        "total": 25.5,
        "movie": "Interestelar",
        "room": "Sala 1",
        "startsAt": "2026-12-01T19:00:00.000Z",
        "ticketPrice": 25.5,
        "currency": "BRL",
    });
    assert_eq!(held.body, expected);
    let path = format!("/reservations/{}", held.id());
    assert_eq!(held.header("location"), Some(&*path));
    let shown = app.get(&path).await.expect(200);
    assert_eq!(shown.body, expected);
}

#[tokio::test]
async fn a_seat_that_is_held_or_sold_is_refused_and_named() {
    let app = TestApp::open().await;
    let session = app.session().await;
    let held = app.reserve(session.seat("A1"), "ana").await.expect(201);
    let refused = app.reserve(session.seat("A1"), "bia").await.refused(409, "seat_held");
    let way = json!([{
        "seatId": session.seat("A1"),
        "seatNumber": "A1",
        "status": "RESERVED",
        "retryAt": held.text("expiresAt"),
    }]);
    assert_eq!(refused.body["seats"], way);
    let again = app.reserve(session.seat("A1"), "ana").await.refused(409, "seat_held");
    let mut own = way.clone();
    own[0]["reservationId"] = held.id().into();
    assert_eq!(again.body["seats"], own, "their own, and which");
    let message = again.body["message"].as_str().unwrap();
    assert!(message.starts_with("O assento A1 já é seu até 2026-"), "{message}");
    assert!(message.ends_with(&format!("na reserva {}", held.id())), "{message}");
    app.pay(&held.id()).await.expect(201);
    let refused = app.reserve(session.seat("A1"), "bia").await.refused(409, "seat_sold");
    let way = json!([{ "seatId": session.seat("A1"), "seatNumber": "A1", "status": "SOLD" }]);
    assert_eq!(refused.body["seats"], way);
}

#[tokio::test]
async fn a_seat_that_is_not_there_is_not_found() {
    let app = TestApp::open().await;
    let session = app.session().seats(16).await;
    let past_the_last = format!("{}0011", &session.id[..32]);
    let of_nobody = format!("{}0001", &NOBODY[..32]);
    // Not even the id of a seat: a session's, one with a number past every room's, and any other
    // UUID.
    let others = [session.id.clone(), format!("{}ffff", &session.id[..32])];
    let any = "6ba7b810-9dad-11d1-80b4-00c04fd430c8".to_owned();
    for seat in [past_the_last, of_nobody, any].into_iter().chain(others) {
        let refused = app.reserve(&seat, "ana").await.refused(404, "seat_not_found");
        assert_eq!(refused.body["seats"][0]["seatId"], seat);
        assert_eq!(refused.body["seats"][0]["status"], "NOT_FOUND");
    }
}

#[tokio::test]
async fn a_reservation_names_a_seat_and_a_user() {
    let app = TestApp::open().await;
    let session = app.session().await;
    let seat = session.seat("A1");
    let breaks = async |body: Value, rules: &[&str]| {
        app.post("/reservations", &body).english().await.breaks(rules);
    };
    let either = "seatId or seatIds must be given, and not both";
    let uuid = "seatId must be a UUID of 36 characters";
    breaks(json!({}), &[either, "userId is required"]).await;
    breaks(json!({ "userId": "ana" }), &[either]).await;
    breaks(json!({ "seatId": seat }), &["userId is required"]).await;
    for id in ["x", "", &seat.replace('-', ""), &format!("{{{seat}}}"), "\0"] {
        breaks(json!({ "seatId": id, "userId": "ana" }), &[uuid]).await;
    }
    for id in [json!(null), json!(1), json!([seat]), json!({ "id": seat })] {
        breaks(json!({ "seatId": id, "userId": "ana" }), &["seatId must be a string"]).await;
    }
    for (user, rule) in [
        (json!(" "), "userId must not be blank"),
        (json!("a\0"), "userId must not contain control characters"),
        (json!("u".repeat(201)), "userId must have at most 200 characters"),
        (json!(7), "userId must be a string"),
        (json!(null), "userId must be a string"),
    ] {
        breaks(json!({ "seatId": seat, "userId": user }), &[rule]).await;
    }
    let body = json!({ "seatId": "x", "userId": "", "sessionId": session.id });
    let all = [uuid, "userId must not be blank", "sessionId is not a known field"];
    breaks(body, &all).await;
    assert_eq!(app.count("reservations"), 0);
}

#[tokio::test]
async fn a_reservation_that_is_not_there_is_not_found() {
    let app = TestApp::open().await;
    for id in [NOBODY, "x", "user", "..", "%7B%7D"] {
        let path = format!("/reservations/{id}");
        app.get(&path).await.refused(404, "reservation_not_found");
        app.delete(&path).await.refused(404, "reservation_not_found");
    }
    for id in [NOBODY, "x", "%7B%7D"] {
        app.extend(id).await.refused(404, "reservation_not_found");
    }
}

#[tokio::test]
async fn a_users_reservations_are_listed_newest_first_with_what_they_are_now() {
    let app = TestApp::open().await;
    let session = app.session().await;
    assert_eq!(app.get("/reservations/user/ana").await.expect(200).body, json!([]));
    let lapsed = app.reserve(session.seat("A1"), "ana").await.expect(201).id();
    app.advance(HOLD);
    let paid = app.reserve(session.seat("A2"), "ana").await.expect(201).id();
    app.pay(&paid).await.expect(201);
    app.advance(MILLI);
    let cancelled = app.reserve(session.seat("A3"), "ana").await.expect(201).id();
    app.cancel(&cancelled).await.expect(204);
    app.advance(MILLI);
    let held = app.reserve(session.seat("A4"), "ana").await.expect(201);
    app.reserve(session.seat("A5"), "bia").await.expect(201);
    let list = app.get("/reservations/user/ana").await.expect(200);
    assert_eq!(list.ids(), [held.id(), cancelled, paid, lapsed]);
    assert_eq!(list.each("status"), ["PENDING", "CANCELLED", "CONFIRMED", "EXPIRED"]);
    assert_eq!(list.body[0], held.body);
    assert_eq!(fields(&list.body[3]), fields(&held.body));
}

#[tokio::test]
async fn a_users_id_is_any_text_and_finds_its_own_in_a_path() {
    let app = TestApp::open().await;
    let session = app.session().await;
    for (number, user, path) in [
        ("A1", "joão", "jo%C3%A3o"),
        ("A2", "a/b", "a%2Fb"),
        ("A3", "a b+c", "a%20b+c"),
        ("A4", "100%", "100%25"),
        ("A5", "?#&", "%3F%23%26"),
        ("A6", "user", "user"),
        ("A7", "..", ".."),
        ("A8", "Ana", "Ana"),
    ] {
        let held = app.reserve(session.seat(number), user).await.expect(201);
        let list = app.get(&format!("/reservations/user/{path}")).await.expect(200);
        assert_eq!(list.ids(), [held.id()], "{user}");
        assert_eq!(list.each("userId"), [user]);
    }
    assert_eq!(app.get("/reservations/user/ana").await.expect(200).body, json!([]));
}
