//! Faults of the system that this one replaces, each seen there in a real run, and what happens
//! here instead.

use poltrona_testkit::app::{HOLD, MILLI, NEARLY, TestApp, session_with};
use serde_json::json;

#[tokio::test]
async fn a_sold_seat_is_never_sold_again() {
    let app = TestApp::open().await;
    let session = app.session().await;
    let held = app.reserve(session.seat("A1"), "ana").await.expect(201);
    app.pay(&held.id()).await.expect(201);
    for _ in 0..3 {
        app.reserve(session.seat("A1"), "bia").await.refused(409, "seat_sold");
        app.advance(HOLD * 2);
        app.settle().await;
        assert_eq!(app.seat(&session, "A1").await, ("SOLD".to_owned(), false));
    }
    assert_eq!(app.count("sales"), 1);
    assert_eq!(app.count("sale_seats"), 1);
}

#[tokio::test]
async fn the_database_itself_refuses_a_second_sale_of_a_seat() {
    let app = TestApp::open().await;
    let session = app.session().await;
    let held = app.reserve(session.seat("A1"), "ana").await.expect(201);
    app.pay(&held.id()).await.expect(201);
    // A simulated bug: the seat is made free behind the program's back.
    app.tamper(
        "UPDATE seats SET status = 'AVAILABLE', reservation_id = NULL WHERE status = 'SOLD'",
    );
    let again = app.reserve(session.seat("A1"), "bia").await.expect(201);
    app.pay(&again.id()).await.refused(500, "internal");
    assert_eq!(app.count("sales"), 1);
    assert_eq!(app.status(&again.id()).await, "PENDING");
}

#[tokio::test]
async fn a_payment_that_waits_across_the_deadline_comes_too_late() {
    let app = TestApp::open().await;
    let session = app.session().await;
    let held = app.reserve(session.seat("A1"), "ana").await.expect(201).id();
    app.advance(NEARLY);
    let stall = app.stall().await;
    let paying = async { app.pay(&held).await };
    let lapsing = async {
        app.advance(MILLI);
        stall.end();
    };
    // The payment is on its way, in time, before the deadline passes; it is decided after.
    let (paid, ()) = tokio::join!(paying, lapsing);
    paid.refused(410, "reservation_expired");
    app.settle().await;
    assert_eq!(app.status(&held).await, "EXPIRED");
    assert_eq!(app.seat_status(&session, "A1").await, "AVAILABLE");
    let other = app.reserve(session.seat("A1"), "bia").await.expect(201);
    app.pay(&other.id()).await.expect(201);
    assert_eq!(app.count("sales"), 1);
}

#[tokio::test]
async fn a_payment_decided_before_the_lapse_wins_over_it() {
    let app = TestApp::open().await;
    app.record_events();
    let session = app.session().await;
    let held = app.reserve(session.seat("A1"), "ana").await.expect(201).id();
    app.advance(NEARLY);
    app.pay(&held).await.expect(201);
    app.advance(MILLI);
    app.settle().await;
    assert_eq!(app.status(&held).await, "CONFIRMED");
    assert_eq!(app.seat_status(&session, "A1").await, "SOLD");
    assert!(!app.event_names().contains(&"reservation.expired".to_owned()));
}

#[tokio::test]
async fn a_payment_and_a_lapse_of_the_same_instant_end_the_same_way_in_either_order() {
    let app = TestApp::open().await;
    app.record_events();
    let session = app.session().await;
    let [first, second, other] = session.seats(["A1", "A2", "A3"]);
    let lapse_first = app.reserve(first, "ana").await.expect(201).id();
    app.advance(HOLD);
    app.settle().await;
    app.pay(&lapse_first).await.refused(410, "reservation_expired");

    let payment_first = app.reserve(second, "ana").await.expect(201).id();
    // A third command keeps the writer busy, so that payment and lapse wait for it together. The
    // commands of people are decided first.
    let stall = app.stall().await;
    let ((), paid, busy) = tokio::join!(
        async {
            app.advance(HOLD);
            tokio::task::yield_now().await;
            stall.end();
        },
        async { app.pay(&payment_first).await },
        async { app.reserve(other, "bia").await },
    );
    busy.expect(201);
    paid.refused(410, "reservation_expired");
    app.settle().await;
    for reservation in [lapse_first, payment_first] {
        assert_eq!(app.status(&reservation).await, "EXPIRED");
    }
    let lapses = app.event_names().into_iter().filter(|name| name == "reservation.expired");
    assert_eq!(lapses.count(), 2);
    assert_eq!(app.count("sales"), 0);
}

#[tokio::test]
async fn a_held_seat_is_shown_as_reserved_and_free_again_before_anything_ran() {
    let app = TestApp::open().await;
    let session = app.session().await;
    let held = app.reserve(session.seat("A1"), "ana").await.expect(201).id();
    assert_eq!(app.seat(&session, "A1").await, ("RESERVED".to_owned(), true));
    // Nothing can be written from here on.
    let stall = app.stall().await;
    app.advance(HOLD);
    assert_eq!(app.seat(&session, "A1").await, ("AVAILABLE".to_owned(), false));
    assert_eq!(app.status(&held).await, "EXPIRED");
    let stored: String = app.sql("SELECT status FROM reservations");
    assert_eq!(stored, "PENDING");
    stall.end();
}

#[tokio::test]
async fn many_holds_lapse_as_promptly_as_one() {
    let app = TestApp::open().await;
    app.record_events();
    let session = app.session().seats(400).await;
    for seat in session.all_seats() {
        app.reserve(seat, "ana").await.expect(201);
    }
    app.advance(HOLD);
    app.settle().await;
    // All have the instant of the lapse as their time: none waited for another.
    let expired: Vec<_> =
        app.events().into_iter().filter(|event| event["type"] == "reservation.expired").collect();
    assert_eq!(expired.len(), 400);
    assert!(expired.iter().all(|event| event["time"] == "2026-11-24T10:00:30.000Z"));
    assert_eq!(app.count("seats WHERE status = 'AVAILABLE'"), 400);
}

#[tokio::test]
async fn an_effect_and_its_event_are_saved_together_or_not_at_all() {
    let app = TestApp::open().await;
    let session = app.session().await;
    let held = app.reserve(session.seat("A1"), "ana").await.expect(201).id();
    app.place().forbid("INSERT", "outbox");
    app.reserve(session.seat("A2"), "ana").await.refused(500, "internal");
    app.pay(&held).await.refused(500, "internal");
    assert_eq!(app.seat_status(&session, "A2").await, "AVAILABLE");
    assert_eq!(app.status(&held).await, "PENDING");
    assert_eq!(app.count("sales"), 0);
    app.place().allow("outbox");
    app.pay(&held).await.expect(201);
}

#[tokio::test]
async fn events_that_could_not_be_delivered_wait_and_are_delivered_once() {
    let app = TestApp::open().await;
    app.place().forbid("DELETE", "outbox");
    let session = app.session().await;
    let held = app.reserve(session.seat("A1"), "ana").await.expect(201).id();
    app.pay(&held).await.expect(201);
    assert_eq!(app.count("outbox"), 3);
    assert_eq!(app.count("session_stats"), 0);
    let stopped = app.stop().await;
    stopped.place().allow("outbox");
    let app = stopped.open_after(HOLD).await;
    app.settle().await;
    assert_eq!(app.count("session_stats WHERE seats = 16 AND held = 0 AND sold = 1"), 1);
    assert_eq!(app.sql::<i64>("SELECT revenue_cents FROM session_stats"), 2_550);
    assert_eq!(app.sql::<i64>("SELECT sum(sales) FROM sales_by_hour"), 1);
}

#[tokio::test]
async fn a_price_is_a_number_in_sessions_and_in_sales() {
    let app = TestApp::open().await;
    let session = app.session().price(25.5).await;
    let held = app.reserve(session.seat("A1"), "ana").await.expect(201);
    app.pay(&held.id()).await.expect(201);
    let shown = app.get(&session.path()).await.expect(200);
    let list = app.get("/sessions").await.expect(200);
    let history = app.get("/sales/history/ana").await.expect(200);
    for price in [
        &session.answer.body["ticketPrice"],
        &shown.body["ticketPrice"],
        &list.body[0]["ticketPrice"],
        &history.body[0]["ticketPrice"],
    ] {
        assert_eq!(*price, json!(25.5));
    }
}

#[tokio::test]
async fn requests_that_broke_the_reference_get_clear_errors() {
    let app = TestApp::open().await;
    for (field, value) in [
        ("movie", json!("a\0b")),
        ("room", json!("\0")),
        ("startsAt", json!("2026-W49-2")),
        ("startsAt", json!("2026-02-30")),
        ("ticketPrice", json!(1e9)),
        ("ticketPrice", json!(25.999)),
    ] {
        let refused = app.post("/sessions", &session_with(field, value)).await;
        refused.refused(400, "validation_failed");
    }
    let session = app.session().await;
    for user in ["\0", "a\0"] {
        let refused = app.reserve(session.seat("A1"), user).await;
        refused.refused(400, "validation_failed");
    }
    for path in ["/sales/history/a%00", "/reservations/user/%00", "/sessions/%00"] {
        app.get(path).await.refused(400, "validation_failed");
    }
    let large = app.session().seats(217).await;
    assert_eq!(large.seat("AA1").len(), 36);
}
