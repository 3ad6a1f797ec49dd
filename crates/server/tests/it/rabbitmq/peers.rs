//! Instances hear what the others commit, at once, and learn when they may have missed something.

use std::sync::Arc;
use std::time::{Duration, Instant};

use lapin::options::{BasicPublishOptions, ExchangeDeclareOptions, ExchangeDeleteOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, ExchangeKind};
use poltrona_domain::{EventKind, SeatStatus};
use poltrona_engine::event::EventBatch;
use poltrona_engine::peers::{Received, Subscription};
use poltrona_testkit::app::TestApp;
use poltrona_testkit::engines::{self, RabbitMq};
use poltrona_testkit::wait::wait_for;
use serde_json::Value;

use super::client::Client;
use super::opening::{buy, connected, metric, open, published_once, through, two};

/// A queue that is younger than this may not survive its broker's death.
const SETTLED: Duration = Duration::from_secs(2);

const FEED: &str = "poltrona.feed";
const ANNOUNCED: &str = "poltrona_peers_announced_total";
const MISSED: &str = r#"poltrona_peers_received_total{outcome="missed"}"#;

/// Waits until an instance has its queue: then it says that it may have missed something.
async fn listening(app: &TestApp) {
    let listens = async || (metric(app, MISSED).await > 0).then_some(());
    wait_for("the instance listens", listens).await;
}

/// Waits until an instance knows that another one follows it.
async fn followed(app: &TestApp) {
    let knows = async || (metric(app, "poltrona_peers ").await == 1).then_some(());
    wait_for("the instance has a follower", knows).await;
}

async fn next(peers: &mut Subscription) -> Received {
    wait_for("an entry of the feed", async || peers.try_next()).await
}

/// The next batch. What an instance hears first of another tells it that it missed the beginning.
async fn next_batch(peers: &mut Subscription) -> Arc<EventBatch> {
    loop {
        if let Received::Commit(batch) = next(peers).await {
            return batch;
        }
    }
}

/// Sends a message of the feed.
async fn send(client: &Client, sender: &str, number: i64, body: &str) {
    let mut headers = FieldTable::default();
    headers.insert("x-sender".into(), AMQPValue::LongString(sender.into()));
    headers.insert("x-number".into(), AMQPValue::LongLongInt(number));
    headers.insert("x-follows".into(), AMQPValue::Boolean(true));
    let properties = BasicProperties::default()
        .with_headers(headers)
        .with_message_id("01900000-0000-7000-8000-0000000000aa".into());
    send_with(client, properties, body).await;
}

async fn send_with(client: &Client, properties: BasicProperties, body: &str) {
    let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
    let (exchange, body) = (FEED.into(), body.as_bytes());
    let sent = client.channel().basic_publish(exchange, "".into(), options, body, properties);
    let confirmed = sent.await.expect("it is sent").await.expect("an answer");
    assert!(confirmed.take_message().is_none(), "an instance listens");
}

#[tokio::test]
async fn an_instance_hears_what_another_commits_and_not_what_it_commits_itself() {
    let vhost = engines::vhost().await;
    let apps = two(&vhost).await;
    let [first, second] = &apps;
    let [mut own, mut other] = [first, second].map(|app| app.engine().peers.subscribe());
    followed(first).await;
    followed(second).await;
    first.record_events();
    let session = first.session().await;
    let held = first.reserve(session.seat("A1"), "ana").await.expect(201);
    second.pay(&held.id()).await.expect(201);

    let received = loop {
        let batch = next_batch(&mut other).await;
        if batch.events[0].kind.known() == Some(EventKind::ReservationCreated) {
            break batch;
        }
    };
    let events: Vec<Value> = serde_json::from_str(received.json()).expect("events");
    assert_eq!(events, first.events()[1..2], "as it was committed");
    let [event] = received.events.as_slice() else { panic!("{received:?}") };
    let [seat] = event.changed.as_slice() else { panic!("{event:?}") };
    assert_eq!(seat.seat.as_uuid().to_string(), session.seat("A1"));
    assert_eq!((seat.status, seat.version), (Some(SeatStatus::Reserved), 1));
    assert_eq!(received.created_at, event.at.expect("a time"));

    let received = next_batch(&mut own).await;
    let kinds: Vec<_> = received.events.iter().map(|event| event.kind.known()).collect();
    assert_eq!(kinds, [Some(EventKind::PaymentConfirmed)], "its own commits are not among them");
    assert!(own.try_next().is_none() && other.try_next().is_none());
    assert_eq!(metric(first, ANNOUNCED).await, 2);
}

#[tokio::test]
async fn a_gap_and_what_cannot_be_read_are_something_missed() {
    let vhost = engines::vhost().await;
    let app = open(&vhost).await;
    listening(&app).await;
    let client = Client::connect(vhost.url()).await;
    let mut peers = app.engine().peers.subscribe();
    send(&client, "one", 1, "").await;
    send(&client, "one", 2, "[]").await;
    assert!(matches!(next(&mut peers).await, Received::Commit(_)));
    send(&client, "one", 4, "[]").await;
    assert!(matches!(next(&mut peers).await, Received::Missed), "the third");
    assert!(matches!(next(&mut peers).await, Received::Commit(_)));
    send(&client, "one", 5, "poison").await;
    assert!(matches!(next(&mut peers).await, Received::Missed));
    send(&client, "other", 1, "[]").await;
    assert!(matches!(next(&mut peers).await, Received::Commit(_)), "an instance that has started");
    send(&client, "third", 7, "").await;
    assert!(matches!(next(&mut peers).await, Received::Missed), "one that was not received before");
    send_with(&client, BasicProperties::default(), "[]").await;
    assert!(matches!(next(&mut peers).await, Received::Missed), "from nobody");
    send(&client, "one", 6, "[]").await;
    assert!(matches!(next(&mut peers).await, Received::Commit(_)));
    assert!(peers.try_next().is_none());
}

#[tokio::test]
async fn an_instance_that_nobody_follows_announces_nothing() {
    let vhost = engines::vhost().await;
    let app = open(&vhost).await;
    listening(&app).await;
    let session = app.session().await;
    buy(&app, &session, 0).await;
    app.settle_outbox().await;
    assert_eq!(metric(&app, ANNOUNCED).await, 0);
    let client = Client::connect(vhost.url()).await;
    send(&client, "another", 1, "").await;
    followed(&app).await;
    buy(&app, &session, 1).await;
    app.settle_outbox().await;
    let announced = async || (metric(&app, ANNOUNCED).await == 2).then_some(());
    wait_for("it is announced", announced).await;
}

#[tokio::test]
async fn after_the_broker_was_away_something_was_missed_and_then_all_is_heard_again() {
    let mut rabbitmq = RabbitMq::start().await;
    let vhost = rabbitmq.vhost().await;
    let [first, second] = two(&vhost).await;
    let session = first.session().seats(2_000).await;
    let mut peers = second.engine().peers.subscribe();
    followed(&first).await;
    let (begun, mut sold) = (Instant::now(), 0);
    while begun.elapsed() < SETTLED {
        buy(&first, &session, sold).await;
        next_batch(&mut peers).await;
        sold += 1;
    }
    rabbitmq.kill();
    buy(&first, &session, sold).await;
    sold += 1;
    let away = || second.engine().bus.is_up() == Some(false);
    second.wait_until("it is noticed", away).await;
    while peers.try_next().is_some() {}
    rabbitmq.start_again().await;
    for app in [&first, &second] {
        connected(app).await;
    }
    assert!(matches!(next(&mut peers).await, Received::Missed));
    // Nothing is announced before the two know of each other again.
    while !matches!(peers.try_next(), Some(Received::Commit(_))) {
        buy(&first, &session, sold).await;
        sold += 1;
    }
    published_once(&first, i64::try_from(sold).expect("a count")).await;
}

#[tokio::test]
async fn events_are_delivered_where_the_exchange_between_instances_is_of_another_kind() {
    let vhost = engines::vhost().await;
    let stranger = Client::connect(vhost.url()).await;
    let channel = stranger.channel();
    let (options, nothing) = (ExchangeDeclareOptions::default(), FieldTable::default());
    let declared = channel.exchange_declare(FEED.into(), ExchangeKind::Topic, options, nothing);
    declared.await.expect("an exchange");
    let app = TestApp::in_real_time(through(&vhost)).await;
    connected(&app).await;
    let session = app.session().await;
    buy(&app, &session, 0).await;
    published_once(&app, 1).await;
    assert_eq!(metric(&app, MISSED).await, 0, "it does not listen");
    channel.exchange_delete(FEED.into(), ExchangeDeleteOptions::default()).await.expect("it goes");
    listening(&app).await;
}
