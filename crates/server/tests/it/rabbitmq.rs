//! Stories of the bus between instances, with a real RabbitMQ: every event reaches every consumer,
//! acts once, and is not lost by any fault of the broker.

mod client;
pub(crate) mod opening;
mod dead_letters;
mod faults;
mod holds;
mod peers;
mod refusals;
mod single_events;
mod speed;
mod upgrades;

use std::collections::BTreeSet;

use std::sync::Arc;

use poltrona_domain::Timestamp;
use poltrona_engine::bus::rabbitmq::SingleEvents;
use poltrona_engine::event::EventBatch;
use poltrona_testkit::app::TestApp;
use poltrona_testkit::engines;
use poltrona_testkit::wait::wait_for;
use serde_json::Value;
use uuid::Uuid;

use crate::read_models::agreement;
use crate::traces::collector::Collector;
use client::{Client, Taken};
use opening::{buy, connected, open, through};

#[tokio::test]
async fn a_purchase_reaches_the_projections_and_the_exchange() {
    let vhost = engines::vhost().await;
    let app = open(&vhost).await;
    let stranger = Client::connect(vhost.url()).await;
    stranger.listen("strangers", "#").await;
    app.record_events();
    let session = app.session().await;
    buy(&app, &session, 0).await;
    app.settle().await;
    agreement(&app).await;
    let events = app.events();
    let mut received = Vec::new();
    while received.len() < events.len() {
        received.push(stranger.take("strangers").await);
    }
    let bodies: Vec<Value> = received.iter().map(Taken::json).collect();
    assert_eq!(bodies, events, "one message an event, in order, as it was committed");
    for (message, event) in received.iter().zip(&events) {
        assert_eq!(message.id.as_deref(), event["id"].as_str());
        assert_eq!(message.content_type.as_deref(), Some("application/cloudevents+json"));
        assert_eq!(message.routing_key, event["type"]);
    }
    let ids: BTreeSet<_> = received.iter().map(|it| it.id.clone()).collect();
    assert_eq!(ids.len(), received.len(), "nothing is published twice");
    assert_eq!(app.count("inbox WHERE consumer = 'sales_by_hour'"), 1);
    app.stop().await;
}

#[tokio::test]
async fn nothing_is_published_to_an_exchange_that_is_switched_off() {
    let vhost = engines::vhost().await;
    let app = TestApp::in_real_time(|config| {
        through(&vhost)(config);
        config.event_exchange = SingleEvents::Off;
    })
    .await;
    connected(&app).await;
    let stranger = Client::connect(vhost.url()).await;
    stranger.listen("strangers", "#").await;
    let session = app.session().await;
    buy(&app, &session, 0).await;
    app.settle().await;
    agreement(&app).await;
    assert_eq!(stranger.count("strangers").await, 0);
}

#[tokio::test]
async fn a_trace_goes_on_through_the_broker() {
    let (vhost, collector) = (engines::vhost().await, Collector::start().await);
    let endpoint = Some(collector.url());
    let app = TestApp::in_real_time(|config| {
        through(&vhost)(config);
        config.otlp_endpoint = endpoint;
    })
    .await;
    connected(&app).await;
    let stranger = Client::connect(vhost.url()).await;
    stranger.listen("strangers", "reservation.created").await;
    let session = app.session().await;
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let caller = format!("00-{trace}-00f067aa0ba902b7-01");
    app.reserve(session.seat("A1"), "ana").header("traceparent", &caller).await.expect(201);
    let received = stranger.take("strangers").await;
    let traceparent = received.header("traceparent").expect("a traceparent in the header");
    assert!(traceparent.starts_with(&format!("00-{trace}-")), "{traceparent}");
    assert_eq!(received.json()["traceparent"], traceparent.as_str());
    agreement(&app).await;
    app.stop().await;
    let spans = collector.spans();
    let consumed = spans.iter().filter(|it| it.trace == trace && it.name == "consume");
    let consumed: Vec<_> = consumed.collect();
    assert_eq!(consumed.len(), 1, "{spans:#?}");
    assert!(traceparent.contains(&consumed[0].parent), "{traceparent}: {:#?}", consumed[0]);
}

#[tokio::test]
async fn a_message_that_comes_twice_acts_once() {
    let vhost = engines::vhost().await;
    let app = open(&vhost).await;
    app.record_events();
    let session = app.session().await;
    buy(&app, &session, 0).await;
    agreement(&app).await;
    let sale = app.events().pop().expect("the sale");
    let message = || {
        let (id, made) = (Uuid::from_u128(7), Timestamp::from_millis(0));
        Arc::new(EventBatch::read(id, made, format!("[{sale}]")).expect("a row"))
    };
    for _ in 0..3 {
        app.engine().bus.deliver(&[message(), message()]).await.expect("it is delivered");
    }
    let sales = || app.sql::<i64>("SELECT sum(sales) FROM sales_by_hour");
    app.wait_until("the copy counts", || sales() == 2).await;
    let client = Client::connect(vhost.url()).await;
    client.drained("payments").await;
    assert_eq!(sales(), 2, "one for the sale, one for six copies");
    assert_eq!(app.count("inbox WHERE consumer = 'sales_by_hour'"), 2);
}

#[tokio::test]
async fn the_page_of_metrics_has_figures_of_the_queues() {
    let vhost = engines::vhost().await;
    let app = open(&vhost).await;
    let session = app.session().await;
    buy(&app, &session, 0).await;
    app.settle().await;
    agreement(&app).await;
    for line in [
        "poltrona_published_total{queue=\"payments\"} 1",
        "poltrona_consumed_total{queue=\"payments\",outcome=\"done\"} 1",
        "poltrona_dead_letters{queue=\"payments\"} 0",
        "poltrona_returned_total 0",
    ] {
        // A message is counted after it has acted.
        wait_for(line, async || {
            app.get("/metrics").await.expect(200).lossy().contains(line).then_some(())
        })
        .await;
    }
    let ready = app.get("/readyz?verbose").await.expect(200);
    assert_eq!(
        (ready.text("status"), &ready.body["checks"]["rabbitmq"]),
        ("ready".to_owned(), &"ok".into())
    );
}
