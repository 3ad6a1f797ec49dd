//! The tables for reports follow the events, and agree with the seats once all are delivered.

use std::time::Duration;

use poltrona_testkit::app::{HOLD, MILLI, TestApp};
use poltrona_testkit::books::projection_faults;
use poltrona_testkit::dice::Dice;
use serde_json::json;

/// Waits until the tables agree with a recount, where they follow through a broker.
pub(crate) async fn agreement(app: &TestApp) {
    let agree = || app.place().look(projection_faults).is_empty();
    app.wait_until("the tables agree with a recount", agree).await;
}

#[track_caller]
fn assert_agree(app: &TestApp) {
    assert_eq!(app.place().look(projection_faults), [""; 0]);
}

#[tokio::test]
async fn the_tables_agree_with_a_recount_after_anything() {
    let app = TestApp::open().await;
    let mut sessions = Vec::new();
    for price in [10.0, 25.5, 0.0] {
        sessions.push(app.session().price(price).await);
    }
    let mut dice = Dice::new(7);
    let mut reservations = Vec::new();
    for _ in 0..300 {
        let session = dice.pick(&sessions);
        let last = reservations.last().map_or("", String::as_str);
        match dice.below(12) {
            0..5 => {
                let first = dice.below(14);
                let end = first + 1 + dice.below(3);
                let answer = app.reserve_all(&session.all_seats()[first..end], "ana").await;
                if answer.status == 201 {
                    reservations.push(answer.id());
                }
            }
            5 => drop(app.pay(last).await),
            6 => drop(app.cancel(last).await),
            7 => drop(app.extend(last).await),
            8 | 9 => app.advance(HOLD / 3),
            10 => app.advance(HOLD * 30),
            _ => {
                let price = json!({ "ticketPrice": dice.below(100) });
                app.patch(&session.path(), &price).await.expect(200);
            }
        }
    }
    app.settle().await;
    assert_agree(&app);
    assert!(app.count("sales") > 5, "enough was sold to mean something");
    assert!(app.count("sales_by_hour") > 1);
    assert!(app.count("reservations WHERE status = 'EXPIRED'") > 5);
    assert!(app.count("reservations WHERE status = 'CANCELLED'") > 0);
}

#[tokio::test]
async fn a_hold_a_sale_and_a_lapse_are_each_counted() {
    let app = TestApp::open().await;
    let session = app.session().price(25.5).await;
    let row = || {
        let column = |name: &str| app.sql::<i64>(&format!("SELECT {name} FROM session_stats"));
        ["seats", "held", "sold", "revenue_cents"].map(column)
    };
    app.settle().await;
    assert_eq!(row(), [16, 0, 0, 0]);
    let seats = session.seats(["A1", "A2"]);
    let held = app.reserve_all(&seats, "ana").await.expect(201).id();
    app.reserve(session.seat("A3"), "bia").await.expect(201);
    app.settle().await;
    assert_eq!(row(), [16, 3, 0, 0]);
    app.pay(&held).await.expect(201);
    app.settle().await;
    assert_eq!(row(), [16, 1, 2, 5_100]);
    app.advance(HOLD);
    app.settle().await;
    assert_eq!(row(), [16, 0, 2, 5_100]);
}

#[tokio::test]
async fn a_closed_session_leaves_the_table_for_good() {
    let app = TestApp::open().await;
    let (cancelled, lapsed) = (app.session().await, app.session().await);
    let held = app.reserve(cancelled.seat("A1"), "ana").await.expect(201).id();
    app.cancel(&held).await.expect(204);
    app.delete(&cancelled.path()).await.expect(204);
    app.reserve(lapsed.seat("A1"), "ana").await.expect(201);
    // Closed before the lapse of its last hold can be recorded, which then follows.
    app.place().forbid("UPDATE", "reservations");
    app.advance(HOLD);
    app.delete(&lapsed.path()).await.expect(204);
    app.wait_until("the end is published", || app.count("outbox") == 0).await;
    app.place().allow("reservations");
    app.advance(HOLD);
    app.settle().await;
    assert_eq!(app.count("reservations WHERE status = 'EXPIRED'"), 1);
    assert_eq!(app.count("session_stats"), 0);
    assert_agree(&app);
}

#[tokio::test]
async fn a_sale_is_counted_in_the_hour_it_was_paid() {
    let app = TestApp::open().await;
    let session = app.session().price(10.0).await;
    let hour = Duration::from_hours(1);
    for (number, pause) in [("A1", Duration::from_millis(3_599_999)), ("A2", MILLI), ("A3", hour)] {
        let held = app.reserve(session.seat(number), "ana").await.expect(201).id();
        app.pay(&held).await.expect(201);
        app.advance(pause);
    }
    app.settle().await;
    assert_agree(&app);
    assert_eq!(app.count("sales_by_hour"), 2);
    // Ten o'clock, then eleven: the second sale came a millisecond before the hour.
    let sales = |nth| {
        app.sql::<i64>(&format!(
            "SELECT sales FROM sales_by_hour ORDER BY hour LIMIT 1 OFFSET {nth}"
        ))
    };
    assert_eq!([sales(0), sales(1)], [2, 1]);
}

#[tokio::test]
async fn delivered_events_leave_the_outbox() {
    let app = TestApp::open().await;
    let session = app.session().await;
    for number in ["A1", "A2"] {
        app.reserve(session.seat(number), "ana").await.expect(201);
    }
    app.settle().await;
    assert_eq!(app.count("outbox"), 0);
    let held: i64 = app.sql(&format!(
        "SELECT held FROM session_stats WHERE session_id = {}",
        app.place().id(&session.id)
    ));
    assert_eq!(held, 2);
}

#[tokio::test]
async fn an_outbox_of_one_instance_leaves_nothing_in_the_inbox() {
    // An instance that shares its outbox may deliver a row that another has just struck.
    let app = TestApp::embedded().await;
    let session = app.session().await;
    app.reserve(session.seat("A1"), "ana").await.expect(201);
    app.settle().await;
    assert_eq!(app.count("outbox"), 0);
    assert_eq!(app.count("inbox"), 0);
}
