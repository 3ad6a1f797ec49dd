//! Opening, showing and listing sessions.

use poltrona_testkit::app::{MILLI, NOBODY, START, TestApp, fields, session_body, session_with};
use serde_json::json;

#[tokio::test]
async fn a_session_opens_with_all_its_seats_free() {
    let app = TestApp::open().await;
    let opened = app.post("/sessions", &session_body()).await.expect(201);
    let body = &opened.body;
    assert_eq!(
        fields(body),
        ["createdAt", "currency", "id", "movie", "room", "seats", "startsAt", "ticketPrice"]
    );
    assert_eq!(body["movie"], "Interestelar");
    assert_eq!(body["room"], "Sala 1");
    assert_eq!(body["startsAt"], "2026-12-01T19:00:00.000Z");
    assert_eq!(body["ticketPrice"], json!(25.5));
    assert_eq!(body["createdAt"], START);
    assert_eq!(body["currency"], "BRL");
    let seats = body["seats"].as_array().unwrap();
    assert_eq!(seats.len(), 16);
    for seat in seats {
        assert_eq!(fields(seat), ["id", "seatNumber", "status"]);
        assert_eq!(seat["status"], "AVAILABLE");
    }
    assert_eq!(opened.header("location"), Some(&*format!("/sessions/{}", opened.id())));
    assert_eq!(opened.header("content-type"), Some("application/json; charset=utf-8"));
}

#[tokio::test]
async fn a_session_is_shown_as_it_was_opened() {
    let app = TestApp::open().await;
    let session = app.session().movie("São Jorge — o filme 🎬").await;
    let shown = app.get(&session.path()).await.expect(200);
    assert_eq!(shown.body, session.answer.body);
    assert_eq!(shown.header("content-type"), Some("application/json; charset=utf-8"));
}

#[tokio::test]
async fn an_id_is_read_in_either_case_and_written_in_lower_case() {
    let app = TestApp::open().await;
    let session = app.session().await;
    let upper = session.id.to_uppercase();
    assert_ne!(upper, session.id);
    let shown = app.get(&format!("/sessions/{upper}")).await.expect(200);
    assert_eq!(shown.id(), session.id);
    let seats = app.get(&format!("/seats/{upper}")).await.expect(200);
    assert_eq!(seats.ids()[0], session.seat("A1"));
    let held = app.reserve(&session.seat("A1").to_uppercase(), "ana").await.expect(201);
    assert_eq!(held.text("seatId"), session.seat("A1"));
    let reservation = held.id().to_uppercase();
    app.get(&format!("/reservations/{reservation}")).await.expect(200);
    let paid = app.pay(&reservation).await.expect(201);
    assert_eq!(paid.text("reservationId"), held.id());
}

#[tokio::test]
async fn a_session_that_is_not_there_is_not_found_whatever_its_id_looks_like() {
    let app = TestApp::open().await;
    let session = app.session().await;
    let of_a_seat = session.seat("A1");
    let odd = ["0", "x", "..", "%20", "null", "undefined", "%7B%7D"];
    for id in
        [NOBODY, of_a_seat, &session.id[..35], &session.id.replace('-', "")].into_iter().chain(odd)
    {
        app.get(&format!("/sessions/{id}")).await.refused(404, "session_not_found");
        app.get(&format!("/seats/{id}")).await.refused(404, "session_not_found");
        app.delete(&format!("/sessions/{id}")).await.refused(404, "session_not_found");
        let change = json!({ "room": "Sala 2" });
        app.patch(&format!("/sessions/{id}"), &change).await.refused(404, "session_not_found");
    }
}

#[tokio::test]
async fn sessions_are_listed_newest_first_and_without_their_seats() {
    let app = TestApp::open().await;
    app.get("/sessions").await.expect(200);
    assert_eq!(app.get("/sessions").await.body, json!([]));
    let mut opened = Vec::new();
    for room in ["Sala 1", "Sala 2", "Sala 3"] {
        app.advance(MILLI);
        opened.insert(0, app.session().room(room).await.id);
    }
    let list = app.get("/sessions").await.expect(200);
    assert_eq!(list.ids(), opened);
    assert_eq!(list.each("room"), ["Sala 3", "Sala 2", "Sala 1"]);
    let first = &list.body[0];
    assert_eq!(
        fields(first),
        ["createdAt", "currency", "id", "movie", "room", "startsAt", "ticketPrice"]
    );
    assert!(first["ticketPrice"].is_number());
}

#[tokio::test]
async fn sessions_opened_at_the_same_instant_are_listed_in_one_order() {
    let app = TestApp::open().await;
    for _ in 0..5 {
        app.session().await;
    }
    let ids = app.get("/sessions").await.expect(200).ids();
    let mut sorted = ids.clone();
    sorted.sort_unstable_by(|a, b| b.cmp(a));
    assert_eq!(ids, sorted);
}

#[tokio::test]
async fn seats_are_named_row_by_row_past_the_alphabet() {
    let app = TestApp::open().await;
    let session = app.session().seats(217).await;
    let shown = app.get(&session.path()).await.expect(200);
    let numbers: Vec<_> = shown.body["seats"]
        .as_array()
        .unwrap()
        .iter()
        .map(|seat| seat["seatNumber"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(numbers[..3], ["A1", "A2", "A3"]);
    assert_eq!(numbers[7..9], ["A8", "B1"]);
    assert_eq!(numbers[207..210], ["Z8", "AA1", "AA2"]);
    assert_eq!(numbers.last().unwrap(), "AB1");
    assert_eq!(numbers.len(), 217);
}

#[tokio::test]
async fn the_largest_room_has_ten_thousand_seats_and_all_can_be_seen() {
    let app = TestApp::open().await;
    let session = app.session().seats(10_000).await;
    let map = app.get(&format!("/seats/{}", session.id)).await.expect(200);
    let numbers = map.each("seatNumber");
    assert_eq!(numbers.len(), 10_000);
    assert_eq!(numbers.last().unwrap(), "AVB8");
    app.reserve(session.seat("AVB8"), "ana").await.expect(201);
    assert_eq!(app.count("seats"), 10_000);
}

#[tokio::test]
async fn a_session_in_the_past_can_be_opened_and_sold() {
    let app = TestApp::open().await;
    let session = app.session().starts_at("2001-01-01").await;
    assert_eq!(session.answer.text("startsAt"), "2001-01-01T00:00:00.000Z");
    let held = app.reserve(session.seat("A1"), "ana").await.expect(201);
    app.pay(&held.id()).await.expect(201);
}

#[tokio::test]
async fn a_price_is_a_number_and_comes_back_as_it_was_given() {
    let app = TestApp::open().await;
    for price in [0.0, 0.01, 0.29, 25.0, 25.5, 29.99, 99_999_999.99] {
        let session = app.session().price(price).await;
        let shown = app.get(&session.path()).await.expect(200);
        assert_eq!(shown.body["ticketPrice"].as_f64(), Some(price));
    }
    // Written without needless decimals, and read from any way of writing the number.
    for written in ["25", "25.0", "25.00", "2.5e1", "250e-1"] {
        let body =
            session_with("ticketPrice", 7).to_string().replace(":7,", &format!(":{written},"));
        let opened = app.request("POST", "/sessions").raw(body).await.expect(201);
        assert!(opened.lossy().contains(r#""ticketPrice":25,"#), "{}", opened.lossy());
    }
}

#[tokio::test]
async fn a_start_is_read_with_its_offset_and_shown_in_utc() {
    let app = TestApp::open().await;
    for (given, shown) in [
        ("2026-12-01", "2026-12-01T00:00:00.000Z"),
        ("2026-12-01T19:00", "2026-12-01T19:00:00.000Z"),
        ("2026-12-01T19:00:05", "2026-12-01T19:00:05.000Z"),
        ("2026-12-01T19:00:05.25", "2026-12-01T19:00:05.250Z"),
        ("2026-12-01T16:00:00-03:00", "2026-12-01T19:00:00.000Z"),
        ("2026-12-01T21:30:00+02:30", "2026-12-01T19:00:00.000Z"),
        ("2026-12-02T18:59:00+23:59", "2026-12-01T19:00:00.000Z"),
        ("2028-02-29", "2028-02-29T00:00:00.000Z"),
        ("2000-01-01T00:00:00Z", "2000-01-01T00:00:00.000Z"),
        ("2100-12-31T23:59:59.999Z", "2100-12-31T23:59:59.999Z"),
    ] {
        let session = app.session().starts_at(given).await;
        assert_eq!(session.answer.text("startsAt"), shown, "{given}");
    }
}
