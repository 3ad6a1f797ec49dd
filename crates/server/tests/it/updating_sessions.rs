//! Changing a session while it sells.

use poltrona_testkit::app::{NOBODY, TestApp, fields};
use serde_json::json;

#[tokio::test]
async fn each_field_of_a_session_can_be_changed_alone() {
    let app = TestApp::open().await;
    let session = app.session().await;
    for (field, value) in [
        ("movie", json!("Duna")),
        ("room", json!("Sala 9")),
        ("startsAt", json!("2026-12-02T20:00:00.000Z")),
        ("ticketPrice", json!(30)),
    ] {
        let before = app.get(&session.path()).await.expect(200).body;
        let changed = app.patch(&session.path(), &json!({ field: value })).await.expect(200);
        let names = ["createdAt", "currency", "id", "movie", "room", "startsAt", "ticketPrice"];
        assert_eq!(fields(&changed.body), names);
        let after = app.get(&session.path()).await.expect(200).body;
        for name in names {
            let expected = if name == field { &value } else { &before[name] };
            assert_eq!(&changed.body[name], expected, "{name} after changing {field}");
            assert_eq!(&after[name], expected, "{name} after changing {field}");
        }
    }
}

#[tokio::test]
async fn a_change_follows_the_rules_of_opening() {
    let app = TestApp::open().await;
    let session = app.session().await;
    let body = json!({
        "movie": " ", "room": null, "startsAt": "2026-02-30", "ticketPrice": 25.999,
        "totalSeats": 20,
    });
    app.patch(&session.path(), &body).english().await.breaks(&[
        "movie must not be blank",
        "room must be a string",
        "startsAt must be an existing ISO 8601 date or date-time",
        "ticketPrice must have at most two decimals",
        "totalSeats is not a known field",
    ]);
    let nothing = app.patch(&session.path(), &json!({})).english().await;
    nothing.breaks(&["body must have at least one field to change"]);
    let after = app.get(&session.path()).await.expect(200);
    assert_eq!(after.body, session.answer.body);
}

#[tokio::test]
async fn an_unknown_session_is_refused_before_a_bad_change() {
    let app = TestApp::open().await;
    let path = format!("/sessions/{NOBODY}");
    app.patch(&path, &json!({ "movie": "Duna" })).await.refused(404, "session_not_found");
}

#[tokio::test]
async fn held_seats_keep_the_price_they_were_held_at() {
    let app = TestApp::open().await;
    let session = app.session().price(20.0).await;
    let seats = session.seats(["A1", "A2"]);
    let held = app.reserve_all(&seats, "ana").await.expect(201);
    app.patch(&session.path(), &json!({ "ticketPrice": 50 })).await.expect(200);
    let shown = app.get(&format!("/reservations/{}", held.id())).await.expect(200);
    assert_eq!(shown.body["total"], json!(40));
    assert_eq!(app.extend(&held.id()).await.expect(200).body["total"], json!(40));
    assert_eq!(app.pay(&held.id()).await.expect(201).body["total"], json!(40));
    let history = app.get("/sales/history/ana").await.expect(200);
    assert_eq!(history.body[0]["ticketPrice"], json!(20));
    let later = app.reserve(session.seat("A3"), "bia").await.expect(201);
    assert_eq!(later.body["total"], json!(50));
}

#[tokio::test]
async fn a_sale_keeps_film_room_start_and_price_as_they_were_sold() {
    let app = TestApp::open().await;
    let session = app.session().movie("Duna").room("Sala 1").price(20.0).await;
    let held = app.reserve(session.seat("A1"), "ana").await.expect(201);
    app.pay(&held.id()).await.expect(201);
    let before = app.get("/sales/history/ana").await.expect(200).body;
    let change = json!({
        "movie": "Duna 2", "room": "Sala 2", "startsAt": "2027-01-01", "ticketPrice": 99.99,
    });
    app.patch(&session.path(), &change).await.expect(200);
    let after = app.get("/sales/history/ana").await.expect(200).body;
    assert_eq!(after, before);
    assert_eq!(after[0]["movie"], "Duna");
    assert_eq!(after[0]["startsAt"], "2026-12-01T19:00:00.000Z");
    assert_eq!(after[0]["ticketPrice"], json!(20));
}

#[tokio::test]
async fn a_sale_keeps_film_room_start_and_price_as_they_were_held() {
    let app = TestApp::open().await;
    let session = app.session().movie("Duna").room("Sala 1").price(20.0).await;
    let held = app.reserve(session.seat("A1"), "ana").await.expect(201);
    let change = json!({
        "movie": "Duna 2", "room": "Sala 2", "startsAt": "2027-01-01", "ticketPrice": 99.99,
    });
    app.patch(&session.path(), &change).await.expect(200);
    let later = app.reserve(session.seat("A2"), "bia").await.expect(201);
    app.patch(&session.path(), &json!({ "movie": "Duna 3" })).await.expect(200);
    let reservation = async |id: String| app.get(&format!("/reservations/{id}")).await.expect(200);
    for (id, movie, price) in [(held.id(), "Duna", json!(20)), (later.id(), "Duna 2", json!(99.99))]
    {
        let shown = reservation(id.clone()).await.body;
        assert_eq!((&shown["movie"], &shown["ticketPrice"]), (&json!(movie), &price));
        app.pay(&id).await.expect(201);
        let user = shown["userId"].as_str().unwrap();
        let sale = &app.get(&format!("/sales/history/{user}")).await.expect(200).body[0];
        for field in ["movie", "room", "startsAt", "ticketPrice"] {
            assert_eq!(sale[field], shown[field], "{field} of {movie}");
        }
    }
    assert_eq!(held.body["startsAt"], "2026-12-01T19:00:00.000Z");
}

#[tokio::test]
async fn the_second_of_two_editors_gets_412() {
    let app = TestApp::open().await;
    let session = app.session().await;
    let read = app.get(&session.path()).await.expect(200);
    let tag = read.header("etag").unwrap().to_owned();
    assert!(tag.starts_with("\"v1-"), "{tag}");
    // A hold of a seat is no change of the session, though the tag is another.
    app.reserve(session.seat("A1"), "ana").await.expect(201);
    let seen = app.get(&session.path()).await.expect(200);
    assert_ne!(seen.header("etag"), Some(&*tag));
    let change = |movie: &str, tag: &str| {
        app.patch(&session.path(), &json!({ "movie": movie })).header("if-match", tag)
    };
    change("Duna", &tag).await.expect(200);
    change("Ran", &tag).await.refused(412, "precondition_failed");
    app.delete(&session.path()).header("if-match", &tag).await.refused(412, "precondition_failed");
    for other in ["nope", "\"nope\"", "\"v1-0\", \"v3-0\"", "W/\"v2-0\""] {
        change("Ran", other).await.refused(412, "precondition_failed");
    }
    let latest = app.get(&session.path()).header("accept-encoding", "gzip").await.expect(200);
    let latest = latest.header("etag").unwrap();
    assert!(latest.starts_with("\"v2-") && latest.ends_with("-gzip\""), "{latest}");
    change("Ran", latest).await.expect(200);
    change("Kagemusha", "*").await.expect(200);
    app.get(&session.path()).header("if-none-match", latest).await.expect(200);
    assert_eq!(app.get(&session.path()).await.expect(200).body["movie"], "Kagemusha");
}

#[tokio::test]
async fn a_change_can_require_that_nothing_changed_since() {
    let app = TestApp::open().await;
    let session = app.session().await;
    app.advance(std::time::Duration::from_mins(1));
    let change = |since: &str| {
        app.patch(&session.path(), &json!({ "movie": "Duna" })).header("if-unmodified-since", since)
    };
    let before = "Tue, 24 Nov 2026 09:59:59 GMT";
    change(before).await.refused(412, "precondition_failed");
    change("Tue, 24 Nov 2026 10:00:00 GMT").await.expect(200);
    change("Tue, 24 Nov 2026 10:00:00 GMT").await.refused(412, "precondition_failed");
    change("soon").await.expect(200);
    // With If-Match beside it, it does not count.
    change(before).header("if-match", "*").await.expect(200);
}
