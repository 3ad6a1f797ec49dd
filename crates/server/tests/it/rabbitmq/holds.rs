//! Holds lapse by the broker's clock, in queues of their lengths.

use std::time::{Duration, Instant};

use poltrona_testkit::app::TestApp;
use poltrona_testkit::engines;

use super::client::{Client, holds};
use super::opening::{connected, through};
use crate::read_models::agreement;

const SHORT: Duration = Duration::from_millis(400);
/// More than a broker should need, and less than any other way to find a lapse takes.
const SOON: Duration = Duration::from_secs(5);

async fn lapsed(app: &TestApp, reservation: &str) {
    let id = app.place().id(reservation);
    let lapsed =
        format!("SELECT count(*) FROM reservations WHERE status = 'EXPIRED' AND id = {id}");
    app.wait_until("a hold is announced to have lapsed", || app.sql::<i64>(&lapsed) == 1).await;
}

#[tokio::test]
async fn a_hold_lapses_out_of_the_delay_queue() {
    let vhost = engines::vhost().await;
    let app = TestApp::in_real_time(|config| {
        through(&vhost)(config);
        config.hold_ttl = SHORT;
    })
    .await;
    connected(&app).await;
    app.record_events();
    let session = app.session().await;
    let begun = Instant::now();
    let held = app.reserve(session.all_seats()[0], "ana").await.expect(201);
    assert_eq!(app.engine().expiry.watched(), 0, "nobody watches it in the process");
    lapsed(&app, &held.id()).await;
    let took = begun.elapsed();
    assert!(took >= SHORT && took < SHORT + SOON, "{took:?}");
    app.settle().await;
    agreement(&app).await;
    let names = app.event_names();
    assert_eq!(names[1..], ["reservation.created", "reservation.expired", "seat.released"]);
}

#[tokio::test]
async fn an_extended_hold_lapses_at_its_new_time() {
    const HOLD: Duration = Duration::from_millis(1_500);
    let vhost = engines::vhost().await;
    let app = TestApp::in_real_time(|config| {
        through(&vhost)(config);
        config.hold_ttl = HOLD;
    })
    .await;
    connected(&app).await;
    let session = app.session().await;
    let held = app.reserve(session.all_seats()[0], "ana").await.expect(201);
    let other = app.reserve(session.all_seats()[1], "bia").await.expect(201);
    app.extend(&held.id()).await.expect(200);
    let extended = Instant::now();
    lapsed(&app, &other.id()).await;
    lapsed(&app, &held.id()).await;
    let took = extended.elapsed();
    assert!(took < HOLD + SOON, "{took:?}");
    // It does not lapse at its first end.
    let late = "SELECT count(*) FROM reservations WHERE extensions = 1 AND status = 'EXPIRED'";
    assert_eq!(app.sql::<i64>(late), 1);
}

#[tokio::test]
async fn a_hold_under_another_setting_lapses_on_time_and_waits_for_no_longer_one() {
    const LONG: Duration = Duration::from_secs(4);
    let vhost = engines::vhost().await;
    let set = |hold| {
        let through = through(&vhost);
        move |config: &mut poltrona::config::Config| {
            through(config);
            config.hold_ttl = hold;
        }
    };
    let app = TestApp::in_real_time(set(LONG)).await;
    connected(&app).await;
    let session = app.session().await;
    let begun = Instant::now();
    let long = app.reserve(session.all_seats()[0], "ana").await.expect(201);
    app.settle().await;
    let client = Client::connect(vhost.url()).await;
    assert_eq!(client.count(&holds(LONG)).await, 1);
    let app = app.stop().await.with(set(SHORT)).open_after(Duration::ZERO).await;
    connected(&app).await;
    let short = app.reserve(session.all_seats()[1], "bia").await.expect(201);
    lapsed(&app, &short.id()).await;
    assert_eq!(app.status(&long.id()).await, "PENDING");
    assert!(begun.elapsed() < LONG, "the machine is too slow for this story");
    lapsed(&app, &long.id()).await;
    assert!(begun.elapsed() >= LONG);
    client.drained(&holds(LONG)).await;
}

#[tokio::test]
async fn a_lapse_is_not_lost_with_the_instance_that_handled_it() {
    let vhost = engines::vhost().await;
    let app = TestApp::in_real_time(|config| {
        through(&vhost)(config);
        config.hold_ttl = SHORT;
    })
    .await;
    connected(&app).await;
    let session = app.session().await;
    let held = app.reserve(session.all_seats()[0], "ana").await.expect(201);
    app.settle_outbox().await;
    let stall = app.stall().await;
    // The lapse comes out of its queue, and cannot be recorded.
    let client = Client::connect(vhost.url()).await;
    client.drained(&holds(SHORT)).await;
    client.drained("expirations").await;
    stall.end();
    let app = app.stop().await.open_after(Duration::ZERO).await;
    lapsed(&app, &held.id()).await;
}

#[tokio::test]
async fn holds_whose_queue_was_deleted_lapse_all_the_same() {
    const HOLD: Duration = Duration::from_secs(2);
    let vhost = engines::vhost().await;
    let app = TestApp::in_real_time(|config| {
        through(&vhost)(config);
        config.hold_ttl = HOLD;
    })
    .await;
    connected(&app).await;
    let session = app.session().await;
    let held = app.reserve(session.all_seats()[0], "ana").await.expect(201);
    app.settle_outbox().await;
    Client::connect(vhost.url()).await.delete(&holds(HOLD)).await;
    lapsed(&app, &held.id()).await;
    let again = app.reserve(session.all_seats()[1], "bia").await.expect(201);
    lapsed(&app, &again.id()).await;
}
