//! Work that one instance leaves behind is done by another. Its age is by the server's clock, so
//! these run in real time.

use std::time::Duration;

use poltrona_engine::event::EventBatch;
use poltrona_engine::projection;
use poltrona_engine::store::background::{BackgroundWrite, Projection};
use poltrona_engine::store::query::OutboxRow;
use poltrona_testkit::app::{HOLD, TestApp};
use poltrona_testkit::wait::wait_for;

use super::opening::in_real_time;

#[tokio::test]
async fn events_of_an_instance_that_ended_are_published_by_another() {
    let ended = in_real_time(HOLD).await;
    let other = ended.another().await;
    let session = ended.session().await;
    ended.settle().await;
    other.place().forbid("DELETE", "outbox");
    ended.reserve(session.seat("A1"), "ana").await.expect(201);
    ended.stop().await;
    other.place().allow("outbox");
    assert_eq!(other.count("outbox"), 1);
    other.wait_until("the events are published", || other.count("outbox") == 0).await;
    assert_eq!(other.count("session_stats WHERE held = 1"), 1);
}

#[tokio::test]
async fn the_lapse_of_an_ended_instances_hold_is_recorded_by_another() {
    let ended = in_real_time(Duration::from_millis(500)).await;
    let other = ended.another().await;
    let session = ended.session().await;
    ended.reserve(session.seat("A1"), "ana").await.expect(201);
    ended.stop().await;
    let written = async || {
        let status: String = other.sql("SELECT status FROM reservations");
        (status == "EXPIRED").then_some(())
    };
    wait_for("the lapse is written down", written).await;
    assert_eq!(other.count("seats WHERE status = 'AVAILABLE'"), 16);
    other.wait_until("it is counted", || other.count("session_stats WHERE held = 0") == 1).await;
}

/// Each of two instances may have read a row before the other deleted it.
#[tokio::test]
async fn a_row_that_two_instances_deliver_acts_once() {
    let app = in_real_time(HOLD).await;
    let other = app.another().await;
    let session = app.session().await;
    app.settle().await;
    app.place().forbid("DELETE", "outbox");
    let held = app.reserve(session.seat("A1"), "ana").await.expect(201).id();
    app.pay(&held).await.expect(201);
    let rows = app.engine().store.outbox(10, Duration::ZERO).await.expect("the outbox");
    assert_eq!(rows.len(), 2);
    let read =
        |row: OutboxRow| EventBatch::read(row.id, row.created_at, row.events).expect("events");
    let messages: Vec<_> = rows.into_iter().map(read).collect();
    app.place().allow("outbox");
    let mut effects = Vec::new();
    for followed in Projection::ALL {
        let of_one = projection::effects(*followed, &messages);
        effects.extend(of_one.into_iter().map(|effect| (*followed, effect)));
    }
    let rows: Vec<_> = messages.iter().map(|message| message.id).collect();
    let write = || BackgroundWrite::DeleteOutbox { rows: rows.clone(), effects: effects.clone() };
    let (first, second) =
        tokio::join!(app.engine().ledger.write(write()), other.engine().ledger.write(write()));
    assert!(first.is_ok() && second.is_ok(), "{first:?} {second:?}");
    app.wait_until("all are delivered", || app.count("outbox") == 0).await;
    assert_eq!(app.count("session_stats WHERE seats = 16 AND held = 0 AND sold = 1"), 1);
    assert_eq!(app.count("sales_by_hour WHERE sales = 1"), 1);
}

#[tokio::test]
async fn an_inbox_remembers_for_fourteen_days() {
    let app = TestApp::on_a_server().await;
    app.session().await;
    // As projections behind a broker do.
    for projection in ["session_stats", "sales_by_hour"] {
        app.tamper(&format!(
            "INSERT INTO inbox SELECT '{projection}', id, created_at FROM sessions"
        ));
    }
    let day = Duration::from_hours(24);
    app.advance(day * 14);
    assert_eq!(app.count("inbox"), 2);
    // They are looked for once a minute.
    let gone = || {
        app.advance(HOLD * 2);
        app.count("inbox") == 0
    };
    app.wait_until("it has forgotten", gone).await;
}
