//! The broker is there and cannot be used: it refuses messages, or has a queue of another kind.

use std::sync::Arc;
use std::time::{Duration, Instant};

use lapin::options::QueueDeclareOptions;
use lapin::types::FieldTable;
use poltrona::config::Secret;
use poltrona_domain::Timestamp;
use poltrona_engine::event::EventBatch;
use poltrona_testkit::app::TestApp;
use poltrona_testkit::engines::{self, Refusals};
use poltrona_testkit::wait::wait_for;
use uuid::Uuid;

use super::client::Client;
use super::opening::{buy, connected, published_once, through};

/// A box office whose events pass this proxy, connected.
async fn open(proxy: &Refusals) -> TestApp {
    let url = proxy.url();
    let app = TestApp::in_real_time(|config| config.rabbitmq_url = Some(Secret::new(url))).await;
    connected(&app).await;
    app
}

/// The obstacle that `/readyz?verbose` names.
async fn obstacle(app: &TestApp) -> String {
    app.wait_until("it is noticed", || app.engine().bus.obstacle().is_some()).await;
    let ready = app.get("/readyz?verbose").await.expect(200);
    let checks = &ready.body["checks"];
    assert_eq!(
        (ready.text("status").as_str(), &checks["rabbitmq"]),
        ("degraded", &"unusable".into())
    );
    checks["rabbitmqObstacle"].as_str().expect("a text").to_owned()
}

#[tokio::test]
async fn a_connection_that_refuses_for_good_is_made_anew_and_nothing_is_lost() {
    let vhost = engines::vhost().await;
    let proxy = Refusals::before(vhost.url()).await;
    let app = open(&proxy).await;
    let session = app.session().await;
    buy(&app, &session, 0).await;
    published_once(&app, 1).await;
    proxy.refuse_open();
    for seat in 1..10 {
        buy(&app, &session, seat).await;
    }
    published_once(&app, 10).await;
    connected(&app).await;
    let page = app.get("/metrics").await.expect(200).lossy();
    assert!(page.contains("poltrona_refused_total "), "{page}");
    assert!(!page.contains("poltrona_refused_total 0"), "{page}");
}

#[tokio::test]
async fn while_everything_is_refused_the_queues_are_named_and_connections_are_few() {
    /// The first waits are at least 50, 100, 200 and 400 ms; the first may have begun before.
    const THREE_WAITS: Duration = Duration::from_millis(700);
    let vhost = engines::vhost().await;
    let proxy = Refusals::before(vhost.url()).await;
    let app = open(&proxy).await;
    app.record_events();
    let session = app.session().await;
    buy(&app, &session, 0).await;
    published_once(&app, 1).await;
    proxy.refuse_all();
    buy(&app, &session, 1).await;
    let obstacle = obstacle(&app).await;
    assert!(obstacle.starts_with("RabbitMQ refused "), "{obstacle}");
    for part in [" to reservations (", " wait there, of at most 1000000)"] {
        assert!(obstacle.contains(part), "{obstacle}");
    }

    // As busy instances do, which try with every commit.
    let sale = app.events().pop().expect("the sale");
    let message =
        EventBatch::read(Uuid::from_u128(7), Timestamp::from_millis(0), format!("[{sale}]"));
    let messages = [Arc::new(message.expect("a row"))];
    let (begun, before) = (Instant::now(), proxy.connections());
    wait_for("it connects four times more", async || {
        app.engine().bus.deliver(&messages).await.expect_err("it is refused");
        (proxy.connections() >= before + 4).then_some(())
    })
    .await;
    let took = begun.elapsed();
    assert!(took >= THREE_WAITS, "{took:?}");

    proxy.confirm_all();
    app.settle_outbox().await;
    connected(&app).await;
    let sales = || app.sql::<i64>("SELECT sum(sales) FROM sales_by_hour");
    app.wait_until("all have acted, once", || sales() == 3).await;
}

#[tokio::test]
async fn a_queue_of_another_kind_is_named_and_nothing_is_lost_when_it_goes() {
    let vhost = engines::vhost().await;
    let stranger = Client::connect(vhost.url()).await;
    let durable = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
    let nothing = FieldTable::default();
    stranger.channel().queue_declare("payments".into(), durable, nothing).await.expect("a queue");
    let app = TestApp::in_real_time(through(&vhost)).await;
    let session = app.session().await;
    buy(&app, &session, 0).await;
    let obstacle = obstacle(&app).await;
    for part in
        ["the queue payments", "inequivalent arg", "rabbitmqctl delete_queue payments --vhost "]
    {
        assert!(obstacle.contains(part), "{obstacle}");
    }
    stranger.delete("payments").await;
    connected(&app).await;
    published_once(&app, 1).await;
    let ready = app.get("/readyz?verbose").await.expect(200);
    assert!(ready.body["checks"].get("rabbitmqObstacle").is_none(), "{:?}", ready.body);
}
