//! A broker with and without our queues.

use lapin::options::{BasicPublishOptions, ConfirmSelectOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use lapin::{BasicProperties, ConnectionProperties};
use poltrona::config::{Config, Secret};
use poltrona::doctor::{Status, Verdict, examine};
use poltrona_engine::bus::rabbitmq::{Queue, connect};
use poltrona_engine::tls::Tls;
use poltrona_testkit::engines::{Vhost, vhost};

use super::findings::of;

fn carrying(url: &str) -> Config {
    Config { ephemeral: true, rabbitmq_url: Some(Secret::new(url)), ..Config::default() }
}

/// Declares what the program would, and puts a message among the dead ones.
async fn declare(vhost: &Vhost) {
    let uri = vhost.url().parse().expect("a URL");
    let connection = connect(uri, &Tls::system(), ConnectionProperties::default()).await;
    let channel = connection.expect("a connection").create_channel().await.expect("a channel");
    let durable = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
    for queue in Queue::ALL {
        let names = [queue.name().to_owned(), queue.dead_letters()];
        for name in names.into_iter().chain(queue.retries()) {
            let declared = channel.queue_declare(name.into(), durable, FieldTable::default()).await;
            declared.expect("a queue");
        }
    }
    channel.confirm_select(ConfirmSelectOptions::default()).await.expect("confirms");
    let (options, properties) = (BasicPublishOptions::default(), BasicProperties::default());
    let sent = channel.basic_publish("".into(), "payments.dlq".into(), options, b"{}", properties);
    sent.await.expect("it is sent").await.expect("it is confirmed");
}

#[tokio::test]
async fn queues_that_are_missing_and_letters_that_are_dead_are_counted() {
    let vhost = vhost().await;
    let report = examine(&carrying(vhost.url())).await;
    for check in ["reach", "version", "rights", "alarms"] {
        assert_eq!(of(&report, check).status, Status::Ok, "{report}");
    }
    let queues = of(&report, "queues");
    assert_eq!(queues.status, Status::Failure);
    assert!(queues.detail.contains("expirations.retry.25s"), "{queues:?}");
    assert_eq!(report.verdict(), Verdict::Unwell);
    assert_eq!(vhost.queues().await.len(), 0, "the doctor leaves nothing");

    declare(&vhost).await;
    let report = examine(&carrying(vhost.url())).await;
    assert_eq!(of(&report, "queues").status, Status::Ok, "{report}");
    let dead = of(&report, "dead letters");
    assert_eq!((dead.status, dead.detail.as_str()), (Status::Warning, "1 of payments"));
    assert_eq!(dead.fix.as_deref(), Some("poltrona dlq list"));
    assert_eq!(report.verdict(), Verdict::Well);
}

#[tokio::test]
async fn a_broker_is_away_or_does_not_know_us() {
    let vhost = vhost().await;
    let stranger = vhost.url().replace("guest:guest@", "guest:canary@");
    let report = examine(&carrying(&stranger)).await;
    assert_eq!(of(&report, "login").status, Status::Failure, "{report}");
    assert!(!report.to_string().contains("canary"), "{report}");
    vhost.delete().await;
    let report = examine(&carrying(vhost.url())).await;
    assert_eq!(of(&report, "vhost").status, Status::Failure, "{report}");
    // Nobody listens on the port of the discard service.
    let report = examine(&carrying("amqp://guest:guest@127.0.0.1:9")).await;
    assert_eq!(report.verdict(), Verdict::Away, "{report}");
}
