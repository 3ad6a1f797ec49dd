//! How fast the bus is, beside a bare loop that publishes the same messages with the same client.

use std::sync::Arc;
use std::time::{Duration, Instant};

use lapin::options::BasicPublishOptions;
use lapin::{BasicProperties, Channel};
use poltrona_engine::bus::rabbitmq::SingleEvents;
use poltrona_engine::event::EventBatch;
use poltrona_testkit::app::TestApp;
use poltrona_testkit::engines;
use serde_json::Value;
use uuid::Uuid;

use super::client::Client;
use super::opening::{buy, connected, through};

const ROUNDS: u32 = 5;
const ROWS: u32 = 256;
const EVENTS: u32 = 16;
/// The least share of the bare loop's speed that will do.
const ENOUGH: f64 = 0.60;

/// The events of a row, with ids of their own.
fn events(templates: &[Value], id: Uuid) -> Vec<Value> {
    let event = |number: u32| {
        let mut event = templates[number as usize % templates.len()].clone();
        event["id"] = format!("{}", Uuid::from_u128(id.as_u128() + u128::from(number))).into();
        event
    };
    (0..EVENTS).map(event).collect()
}

/// Publishes rows as the bus does, and nothing else: the bodies are ready.
async fn bare(channel: &Channel, sends: &[(&str, &str, String, Vec<u8>)]) -> Duration {
    let begun = Instant::now();
    let mut confirms = Vec::with_capacity(sends.len());
    for (exchange, key, id, body) in sends {
        let properties = BasicProperties::default()
            .with_content_type("application/cloudevents+json".into())
            .with_delivery_mode(2)
            .with_message_id(id.as_str().into());
        let mandatory = exchange.is_empty();
        let options = BasicPublishOptions { mandatory, ..BasicPublishOptions::default() };
        let sending =
            channel.basic_publish((*exchange).into(), (*key).into(), options, body, properties);
        confirms.push(sending.await.expect("it is sent"));
    }
    for confirm in confirms {
        assert!(confirm.await.expect("an answer").is_ack());
    }
    begun.elapsed()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement, which wants the machine to itself"]
async fn the_bus_is_nearly_as_fast_as_a_bare_loop() {
    for single_events in [SingleEvents::Always, SingleEvents::Off] {
        let exchange = single_events == SingleEvents::Always;
        let vhost = engines::vhost().await;
        let app = TestApp::in_real_time(|config| {
            through(&vhost)(config);
            config.event_exchange = single_events;
        })
        .await;
        connected(&app).await;
        app.record_events();
        let session = app.session().await;
        buy(&app, &session, 0).await;
        app.settle_outbox().await;
        let templates: Vec<_> = app.events().split_off(1);
        let client = Client::connect(vhost.url()).await;
        let [mut ours, mut theirs] = [Duration::ZERO; 2];
        for round in 0..ROUNDS * 2 {
            let mut rows = Vec::new();
            for row in 0..ROWS {
                let id = Uuid::from_u128(u128::from(round + 1) << 96 | u128::from(row) << 32);
                rows.push((id, events(&templates, id)));
            }
            if round % 2 == 0 {
                let message = |(id, events): &(Uuid, Vec<Value>)| {
                    let events = serde_json::to_string(events).expect("JSON");
                    let created_at = app.engine().env.clock.now();
                    Arc::new(EventBatch::read(*id, created_at, events).expect("a row"))
                };
                let messages: Vec<_> = rows.iter().map(message).collect();
                let begun = Instant::now();
                app.engine().bus.deliver(&messages).await.expect("it is delivered");
                ours += begun.elapsed();
            } else {
                let mut sends = Vec::new();
                for (id, events) in &rows {
                    let body = serde_json::to_vec(events).expect("JSON");
                    sends.push(("", "reservations", id.to_string(), body.clone()));
                    sends.push(("", "payments", id.to_string(), body));
                    sends.push(("", "poltrona.holds.30000", id.to_string(), b"[]".to_vec()));
                    for event in events.iter().filter(|_| exchange) {
                        let key = templates.iter().find(|it| it["type"] == event["type"]);
                        let key = key.and_then(|it| it["type"].as_str()).expect("a type");
                        let body = serde_json::to_vec(event).expect("JSON");
                        let id = event["id"].as_str().expect("an id").to_owned();
                        sends.push(("poltrona.events", key, id, body));
                    }
                }
                theirs += bare(client.channel(), &sends).await;
            }
            for queue in ["reservations", "payments"] {
                client.drained(queue).await;
            }
        }
        let count = f64::from(ROUNDS * ROWS * EVENTS);
        let [ours, theirs] = [ours, theirs].map(|took| count / took.as_secs_f64());
        println!(
            "exchange {exchange}: {ours:.0} events/s, bare {theirs:.0}, ratio {:.2}",
            ours / theirs
        );
        assert!(ours / theirs >= ENOUGH);
    }
}
