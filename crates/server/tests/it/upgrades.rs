//! A rolling upgrade: instances of two versions share a database and a broker, and each reads what
//! the other wrote.

use std::time::Duration;

use poltrona_testkit::app::TestApp;
use serde::Deserialize;
use serde_json::Value;

/// The same events as the version before wrote them: without a schema, and without cents.
pub(crate) fn as_version_1(events: &[Value]) -> Value {
    let old = events.iter().cloned().map(|mut event| {
        event.as_object_mut().expect("an envelope").remove("dataschema").expect("a version");
        let data = event["data"].as_object_mut().expect("data");
        data.remove("totalCents");
        data.remove("ticketPriceCents");
        event
    });
    old.collect()
}

/// An event as the version before declared and reads it.
#[derive(Debug, Deserialize)]
struct Version1 {
    r#type: String,
    time: String,
    data: Version1Data,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Version1Data {
    session_id: Option<uuid::Uuid>,
    seat_ids: Vec<uuid::Uuid>,
    expires_at: Option<String>,
    total: Option<f64>,
}

const ID: &str = "01900000-0000-7000-8000-0000000000aa";

#[tokio::test]
async fn a_row_that_the_version_before_left_in_the_outbox_acts_to_the_cent() {
    let app = TestApp::open().await;
    let session = app.session().await;
    app.record_events();
    let held = app.reserve_all(&session.seats(["A1", "A2"]), "ana").await.expect(201);
    app.pay(&held.id()).await.expect(201);
    app.settle().await;
    let revenue = || app.sql::<i64>("SELECT sum(revenue_cents) FROM sales_by_hour");
    assert_eq!(revenue(), 5_100);
    let left = as_version_1(&app.events()).to_string().replace('\'', "''");
    let before = app.stop().await;
    before.tamper(&format!(
        "INSERT INTO outbox (id, events, created_at) VALUES ({}, '{left}', 0)",
        before.place().id(ID)
    ));
    let app = before.open_after(Duration::ZERO).await;
    app.settle_outbox().await;
    let revenue = || app.sql::<i64>("SELECT sum(revenue_cents) FROM sales_by_hour");
    assert_eq!(revenue(), 10_200);
}

#[tokio::test]
async fn the_version_before_reads_what_this_one_writes() {
    let app = TestApp::open().await;
    let session = app.session().await;
    app.record_events();
    let held = app.reserve(session.seat("A1"), "ana").await.expect(201);
    app.pay(&held.id()).await.expect(201);
    let events = Value::from(app.events()).to_string();
    let read: Vec<Version1> = serde_json::from_str(&events).expect("it is read");
    let [reserved, paid] = &read[..] else { panic!("{read:?}") };
    assert_eq!((&*reserved.r#type, &*paid.r#type), ("reservation.created", "payment.confirmed"));
    assert_eq!(reserved.data.expires_at, Some(held.text("expiresAt")));
    assert_eq!((paid.data.total, paid.data.seat_ids.len()), (Some(25.5), 1));
    assert_eq!(paid.data.session_id.map(|id| id.to_string()), Some(session.id.clone()));
    assert_eq!(paid.time, poltrona_testkit::app::START);
}

#[tokio::test]
async fn changes_by_the_version_before_are_tracked() {
    let app = TestApp::open().await;
    let session = app.session().movie("Duna").await;
    let held = app.reserve(session.seat("A1"), "ana").await.expect(201).id();
    let tag = app.get(&session.path()).await.expect(200).header("etag").unwrap().to_owned();
    // The version before writes neither versions nor folded texts.
    app.tamper("UPDATE sessions SET movie = 'Ação' WHERE movie = 'Duna'");
    let (id, of) = (app.place().id(ID), app.place().id(&session.id));
    app.tamper(&format!(
        "INSERT INTO reservations (id, session_id, seat_nos, user_id, total_cents, status, created_at,
                                   expires_at)
         SELECT {id}, {of}, seat_nos, 'bia', 1, 'PENDING', created_at, expires_at
         FROM reservations WHERE user_id = 'ana'"
    ));
    let find = async |movie: &str| app.get(&format!("/sessions?movie={movie}")).await.ids().len();
    assert_eq!((find("a%C3%87%C3%83o").await, find("duna").await), (1, 0));
    let change = serde_json::json!({ "movie": "Ran" });
    let stale = app.patch(&session.path(), &change).header("if-match", &tag).await;
    stale.refused(412, "precondition_failed");
    app.patch(&session.path(), &change).await.expect(200);
    let movie =
        async |id: &str| app.get(&format!("/reservations/{id}")).await.expect(200).text("movie");
    assert_eq!((movie(&held).await, movie(ID).await), ("Duna".to_owned(), "Ação".to_owned()));
    app.pay(&held).await.expect(201);
    assert_eq!(app.get("/sales/history/ana").await.body[0]["movie"], "Duna");
    assert_eq!(app.count("session_versions"), 2);
}

#[tokio::test]
async fn holds_without_a_version_are_of_the_first() {
    let app = TestApp::open().await;
    let session = app.session().movie("Duna").await;
    let held = app.reserve(session.seat("A1"), "ana").await.expect(201).id();
    app.tamper("UPDATE reservations SET session_version = NULL");
    app.patch(&session.path(), &serde_json::json!({ "movie": "Ran" })).await.expect(200);
    let shown = app.get(&format!("/reservations/{held}")).await.expect(200);
    assert_eq!(shown.text("movie"), "Duna");
}

#[tokio::test]
async fn texts_that_the_version_before_left_unfolded_are_folded() {
    let app = TestApp::open().await;
    app.session().movie("Straße").await;
    app.tamper("UPDATE sessions SET movie_folded = NULL, room_folded = NULL");
    app.advance(Duration::from_mins(1));
    app.wait_until("the texts are folded", || {
        app.count("sessions WHERE movie_folded IS NULL") == 0
    })
    .await;
    assert_eq!(app.get("/sessions?movie=STRASSE").await.expect(200).ids().len(), 1);
}
