//! The broker dies, is paused, is wiped: sales go on, and nothing is lost.

use std::time::{Duration, Instant};

use poltrona_testkit::app::TestApp;
use poltrona_testkit::engines::{self, RabbitMq};

use super::client::Client;
use super::opening::{buy, connected, open, published_once, through};

/// A queue that is younger than this may not survive its broker's death.
const SETTLED: Duration = Duration::from_secs(2);

#[tokio::test]
async fn sales_go_on_without_the_broker_and_are_published_when_it_is_back() {
    let mut rabbitmq = RabbitMq::start().await;
    let vhost = rabbitmq.vhost().await;
    let app = open(&vhost).await;
    let session = app.session().seats(2_000).await;
    let begun = Instant::now();
    let mut sold = 0;
    while begun.elapsed() < SETTLED {
        buy(&app, &session, sold).await;
        sold += 1;
    }
    rabbitmq.kill();
    for _ in 0..50 {
        buy(&app, &session, sold).await;
        sold += 1;
    }
    let away = || app.engine().bus.is_up() == Some(false);
    app.wait_until("it is noticed", away).await;
    let ready = app.get("/readyz?verbose").await.expect(200);
    assert_eq!(ready.text("status"), "degraded");
    assert_eq!(ready.body["checks"]["rabbitmq"], "unreachable");
    assert!(app.count("outbox") > 0, "events wait");
    rabbitmq.start_again().await;
    connected(&app).await;
    published_once(&app, i64::try_from(sold).expect("a count")).await;
    app.stop().await;
}

#[tokio::test]
async fn a_broker_that_stands_still_is_noticed_and_nothing_is_lost() {
    let rabbitmq = RabbitMq::start().await;
    let vhost = rabbitmq.vhost().await;
    let app = open(&vhost).await;
    let session = app.session().await;
    buy(&app, &session, 0).await;
    published_once(&app, 1).await;
    rabbitmq.pause();
    buy(&app, &session, 1).await;
    app.wait_until("it is noticed", || app.engine().bus.is_up() == Some(false)).await;
    buy(&app, &session, 2).await;
    rabbitmq.resume();
    connected(&app).await;
    published_once(&app, 3).await;
}

#[tokio::test]
async fn a_broker_that_takes_no_messages_is_logged_and_lapses_are_recorded() {
    let rabbitmq = RabbitMq::start_with(&["vm_memory_high_watermark.absolute=1MB"]).await;
    let vhost = rabbitmq.vhost().await;
    let app = TestApp::in_real_time(|config| {
        through(&vhost)(config);
        config.hold_ttl = Duration::from_secs(2);
    })
    .await;
    let session = app.session().await;
    app.reserve(session.seat("A1"), "ana").await.expect(201);
    app.wait_until("it is noticed", || app.engine().bus.is_up() == Some(false)).await;
    app.wait_until("the lapse is recorded", || {
        app.count("reservations WHERE status = 'EXPIRED'") == 1
    })
    .await;
    assert_eq!(app.get("/readyz").await.expect(200).text("status"), "degraded");
    assert!(app.count("outbox") > 0, "events wait");
    rabbitmq.control(&["set_vm_memory_high_watermark", "0.9"]);
    app.wait_until("it takes messages again", || app.engine().bus.is_up() == Some(true)).await;
    app.wait_until("nothing waits any more", || app.count("outbox") == 0).await;
    buy(&app, &session, 1).await;
    published_once(&app, 1).await;
}

#[tokio::test]
async fn queues_that_are_deleted_come_back_and_nothing_is_lost() {
    let vhost = engines::vhost().await;
    let app = open(&vhost).await;
    let session = app.session().await;
    buy(&app, &session, 0).await;
    published_once(&app, 1).await;
    let vandal = Client::connect(vhost.url()).await;
    // An instance's own queue is exclusive: nobody else can delete it.
    let queues = vhost.queues().await;
    for queue in queues.iter().filter(|queue| queue["exclusive"] == false) {
        vandal.delete(queue["name"].as_str().expect("a name")).await;
    }
    vandal.delete_exchange().await;
    for seat in 1..10 {
        buy(&app, &session, seat).await;
    }
    published_once(&app, 10).await;
    connected(&app).await;
    assert_eq!(vandal.count("payments.dlq").await, 0);
}

#[tokio::test]
async fn messages_wait_for_a_database_that_is_away_and_are_not_given_up() {
    let vhost = engines::vhost().await;
    let app = open(&vhost).await;
    app.record_events();
    let session = app.session().await;
    buy(&app, &session, 0).await;
    published_once(&app, 1).await;
    let sale = app.events().pop().expect("the sale");
    let client = Client::connect(vhost.url()).await;
    let stall = app.stall().await;
    client.send("payments", "01900000-0000-7000-8000-0000000000fe", &format!("[{sale}]")).await;
    // The consumer has the message, and cannot record it.
    client.drained("payments").await;
    stall.end();
    let sales = || app.sql::<i64>("SELECT sum(sales) FROM sales_by_hour");
    app.wait_until("it acts", || sales() == 2).await;
    let page = app.get("/metrics").await.expect(200).lossy();
    assert!(page.contains(r#"{queue="payments",outcome="retried"} 0"#), "{page}");
}
