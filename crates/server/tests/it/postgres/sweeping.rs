//! Work that one instance leaves behind is done by another. Its age is by the server's clock, so
//! these run in real time.

use std::time::Duration;

use poltrona_testkit::app::{HOLD, TestApp};
use poltrona_testkit::wait::wait_for;

use super::opening::in_real_time;

#[tokio::test]
async fn events_of_an_instance_that_ended_are_published_by_another() {
    let ended = in_real_time(HOLD).await;
    let other = ended.another().await;
    let session = ended.session().await;
    ended.settle().await;
    other.place().forbid("INSERT", "inbox");
    ended.reserve(session.seat("A1"), "ana").await.expect(201);
    ended.stop().await;
    other.place().allow("inbox");
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

#[tokio::test]
async fn a_message_that_comes_again_changes_nothing() {
    let app = in_real_time(HOLD).await;
    app.tamper(
        "CREATE TABLE copies (LIKE outbox);
         CREATE FUNCTION copy() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN INSERT INTO copies SELECT NEW.*; RETURN NULL; END $$;
         CREATE TRIGGER copied AFTER INSERT ON outbox FOR EACH ROW EXECUTE FUNCTION copy()",
    );
    let session = app.session().await;
    let held = app.reserve(session.seat("A1"), "ana").await.expect(201).id();
    app.pay(&held).await.expect(201);
    app.settle().await;
    let stats = || app.count("session_stats WHERE seats = 16 AND held = 0 AND sold = 1");
    assert_eq!(stats(), 1);
    app.tamper("INSERT INTO outbox SELECT * FROM copies");
    app.wait_until("all came again", || app.count("outbox") == 0).await;
    assert_eq!(stats(), 1);
    assert_eq!(app.count("sales_by_hour WHERE sales = 1"), 1);
}

#[tokio::test]
async fn an_inbox_remembers_for_fourteen_days() {
    let app = TestApp::on_a_server().await;
    app.session().await;
    app.settle().await;
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
