//! Events for other programs.
//!
//! The stories look at the outbox, which is where every event is written, in the transaction of its
//! effect.

use std::collections::HashMap;

use poltrona_testkit::app::{HOLD, MILLI, Session, TestApp, fields};
use serde_json::{Value, json};

/// Fails unless this is a `CloudEvents` 1.0 envelope of this type, time and subject; returns its
/// data.
#[track_caller]
fn envelope<'a>(event: &'a Value, kind: &str, time: &str, subject: &str) -> &'a Value {
    assert_eq!(
        fields(event),
        [
            "data",
            "datacontenttype",
            "dataschema",
            "id",
            "source",
            "specversion",
            "subject",
            "time",
            "type"
        ]
    );
    assert_eq!(event["specversion"], "1.0");
    assert_eq!(event["datacontenttype"], "application/json");
    assert_eq!(event["dataschema"], "urn:poltrona:events:2");
    assert_eq!(event["source"], "urn:poltrona");
    assert_eq!(event["id"].as_str().map(str::len), Some(36));
    assert_eq!(event["type"], kind);
    assert_eq!(event["time"], time);
    assert_eq!(event["subject"], subject);
    &event["data"]
}

fn news(session: &Session, number: &str, status: &str, version: i64) -> Value {
    json!({
        "seatId": session.seat(number), "seatNumber": number, "status": status, "version": version,
    })
}

#[tokio::test]
async fn a_session_emits_events_for_opening_changes_and_closing() {
    let app = TestApp::open().await;
    app.record_events();
    let session = app.session().seats(20).await;
    app.advance(MILLI);
    app.patch(&session.path(), &json!({ "room": "Sala 2", "ticketPrice": 30 })).await.expect(200);
    app.advance(MILLI);
    app.delete(&session.path()).await.expect(204);
    let events = app.events();
    assert_eq!(events.len(), 3);
    let mut data = json!({
        "sessionId": session.id,
        "movie": "Interestelar",
        "room": "Sala 1",
        "startsAt": "2026-12-01T19:00:00.000Z",
        "ticketPrice": 25.5,
        "ticketPriceCents": 2_550,
        "totalSeats": 20,
    });
    let at = |millis| format!("2026-11-24T10:00:00.00{millis}Z");
    assert_eq!(*envelope(&events[0], "session.created", &at(0), &session.id), data);
    data["room"] = json!("Sala 2");
    data["ticketPrice"] = json!(30);
    data["ticketPriceCents"] = json!(3_000);
    assert_eq!(*envelope(&events[1], "session.updated", &at(1), &session.id), data);
    assert_eq!(*envelope(&events[2], "session.closed", &at(2), &session.id), data);
}

#[tokio::test]
async fn a_purchase_emits_events_for_hold_extension_and_payment() {
    let app = TestApp::open().await;
    let session = app.session().await;
    app.record_events();
    let seats = session.seats(["B1", "A1"]);
    let held = app.reserve_all(&seats, "ana").await.expect(201).id();
    app.advance(MILLI);
    app.extend(&held).await.expect(200);
    app.advance(MILLI);
    let paid = app.pay(&held).await.expect(201);
    let events = app.events();
    assert_eq!(events.len(), 3);
    let data = |status, version| {
        json!({
            "reservationId": held,
            "sessionId": session.id,
            "seatIds": seats,
            "userId": "ana",
            "total": 51,
            "totalCents": 5_100,
            "seats": [news(&session, "B1", status, version), news(&session, "A1", status, version)],
        })
    };
    let at = |millis| format!("2026-11-24T10:00:00.00{millis}Z");
    let mut created = data("RESERVED", 1);
    created["expiresAt"] = json!("2026-11-24T10:00:30.000Z");
    assert_eq!(*envelope(&events[0], "reservation.created", &at(0), &held), created);
    let mut extended = data("RESERVED", 2);
    extended["expiresAt"] = json!("2026-11-24T10:00:30.001Z");
    assert_eq!(*envelope(&events[1], "reservation.extended", &at(1), &held), extended);
    let mut confirmed = data("SOLD", 3);
    confirmed["saleId"] = json!(paid.id());
    assert_eq!(*envelope(&events[2], "payment.confirmed", &at(2), &held), confirmed);
}

#[tokio::test]
async fn a_cancellation_event_lists_the_seats_that_it_freed() {
    let app = TestApp::open().await;
    let session = app.session().await;
    let seats = session.seats(["A2", "A1"]);
    let held = app.reserve_all(&seats, "ana").await.expect(201).id();
    app.record_events();
    app.cancel(&held).await.expect(204);
    app.cancel(&held).await.expect(204);
    let events = app.events();
    assert_eq!(events.len(), 2);
    let time = "2026-11-24T10:00:00.000Z";
    let cancelled = envelope(&events[0], "reservation.cancelled", time, &held);
    assert_eq!(
        *cancelled,
        json!({
            "reservationId": held, "sessionId": session.id, "seatIds": seats, "userId": "ana",
            "total": 51,
            "totalCents": 5_100,
        })
    );
    let released = envelope(&events[1], "seat.released", time, &held);
    assert_eq!(
        *released,
        json!({
            "reservationId": held, "sessionId": session.id, "seatIds": seats, "userId": "ana",
            "seats": [news(&session, "A2", "AVAILABLE", 2), news(&session, "A1", "AVAILABLE", 2)],
        })
    );
}

#[tokio::test]
async fn a_lapse_event_lists_the_seats_that_nobody_took_over() {
    let app = TestApp::open().await;
    let session = app.session().await;
    app.record_events();
    let seats = session.seats(["A1", "A2"]);
    let held = app.reserve_all(&seats, "ana").await.expect(201).id();
    app.advance(HOLD);
    app.reserve(seats[0], "bia").await.expect(201);
    app.settle().await;
    let events = app.events();
    let of = |kind: &str| -> Vec<_> {
        events.iter().filter(|event| event["type"] == kind && event["subject"] == *held).collect()
    };
    let time = "2026-11-24T10:00:30.000Z";
    let [expired] = of("reservation.expired")[..] else { panic!("one lapse in {events:?}") };
    let expired = envelope(expired, "reservation.expired", time, &held);
    assert_eq!(expired["seatIds"], json!(seats));
    assert_eq!(expired["userId"], "ana");
    let [released] = of("seat.released")[..] else { panic!("one release in {events:?}") };
    let released = envelope(released, "seat.released", time, &held);
    assert_eq!(released["seatIds"], json!([seats[1]]));
    assert_eq!(released["seats"], json!([news(&session, "A2", "AVAILABLE", 2)]));
}

#[tokio::test]
async fn a_lapse_of_which_every_seat_was_taken_over_frees_none() {
    let app = TestApp::open().await;
    let session = app.session().await;
    app.reserve(session.seat("A1"), "ana").await.expect(201);
    app.record_events();
    // The take-over is decided before the lapse can be written down.
    let stall = app.stall().await;
    let (taken, ()) = tokio::join!(
        async {
            app.advance(HOLD);
            app.reserve(session.seat("A1"), "bia").await
        },
        async { stall.end() },
    );
    taken.expect(201);
    app.settle().await;
    assert_eq!(app.event_names(), ["reservation.created", "reservation.expired"]);
    assert_eq!(app.seat_status(&session, "A1").await, "RESERVED");
}

#[tokio::test]
async fn a_refusal_and_a_replay_emit_no_event() {
    let app = TestApp::open().await;
    let session = app.session().await;
    let held = app.reserve(session.seat("A1"), "ana").key("k").await.expect(201).id();
    app.record_events();
    app.reserve(session.seat("A1"), "bia").await.refused(409, "seat_held");
    app.reserve(session.seat("A1"), "ana").key("k").await.expect(201);
    app.delete(&session.path()).await.refused(409, "session_in_use");
    for _ in 0..2 {
        app.pay(&held).key("p").await.expect(201);
    }
    app.pay(&held).await.refused(409, "reservation_confirmed");
    assert_eq!(app.event_names(), ["payment.confirmed"]);
}

#[tokio::test]
async fn a_seats_versions_rise_by_one_without_gaps() {
    let app = TestApp::open().await;
    app.record_events();
    let session = app.session().await;
    let [a1, a2, a3] = session.seats(["A1", "A2", "A3"]);
    for round in 0..4 {
        let pair = app.reserve_all(&[a1, a2], "ana").await.expect(201).id();
        app.extend(&pair).await.expect(200);
        if round % 2 == 0 {
            app.cancel(&pair).await.expect(204);
        } else {
            app.advance(HOLD);
        }
        let one = app.reserve(a3, "bia").await.expect(201).id();
        if round == 3 {
            app.pay(&one).await.expect(201);
        }
        app.advance(HOLD);
    }
    app.settle().await;
    let mut versions = HashMap::<String, i64>::new();
    let mut ids = Vec::new();
    for event in app.events() {
        ids.push(event["id"].as_str().unwrap().to_owned());
        for seat in event["data"]["seats"].as_array().into_iter().flatten() {
            let version = versions.entry(seat["seatId"].as_str().unwrap().to_owned()).or_default();
            *version += 1;
            assert_eq!(seat["version"], *version, "{event}");
        }
    }
    assert_eq!(versions.len(), 3);
    for (seat, version) in versions {
        let no = i64::from_str_radix(&seat[32..], 16).unwrap();
        let stored: i64 = app.sql(&format!("SELECT version FROM seats WHERE seat_no = {no}"));
        assert_eq!(stored, version, "{seat}");
    }
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count, "every event has an id of its own");
}

#[tokio::test]
async fn an_effect_that_an_older_version_added_is_not_added_again() {
    let app = TestApp::open().await;
    let session = app.session().await;
    app.settle().await;
    app.place().forbid("DELETE", "outbox");
    let held = app.reserve(session.seat("A1"), "ana").await.expect(201).id();
    app.pay(&held).await.expect(201);
    let stopped = app.stop().await;
    assert_eq!(stopped.sql::<i64>("SELECT count(*) FROM outbox"), 2);
    // It added an effect and noted that in the inbox, and ended before it deleted the row.
    stopped.tamper("INSERT INTO inbox SELECT 'session_stats', id, created_at FROM outbox");
    stopped.tamper("UPDATE session_stats SET sold = 1, revenue_cents = 2550");
    stopped.place().allow("outbox");
    let app = stopped.open_after(MILLI).await;
    app.settle().await;
    assert_eq!(app.count("session_stats WHERE held = 0 AND sold = 1 AND revenue_cents = 2550"), 1);
    assert_eq!(app.sql::<i64>("SELECT sum(sales) FROM sales_by_hour"), 1);
    assert_eq!(app.count("inbox"), 0);
}

#[tokio::test]
async fn a_clock_that_was_put_back_keeps_no_event_waiting() {
    // On a server the instances' clocks do not matter here.
    let app = TestApp::embedded().await;
    let session = app.session().await;
    app.settle().await;
    app.advance(HOLD);
    app.place().forbid("DELETE", "outbox");
    app.reserve(session.seat("A1"), "ana").await.expect(201);
    app.put_back(HOLD);
    app.place().allow("outbox");
    app.wait_until("the event is delivered", || app.count("outbox") == 0).await;
    assert_eq!(app.count("session_stats WHERE held = 1"), 1);
}
