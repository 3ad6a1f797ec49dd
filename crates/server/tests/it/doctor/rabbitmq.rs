//! A broker with and without our queues.

use lapin::options::{
    BasicPublishOptions, ConfirmSelectOptions, ExchangeDeclareOptions, QueueDeclareOptions,
};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Channel, ConnectionProperties, ExchangeKind};
use poltrona::config::{Config, Secret};
use poltrona::doctor::{Finding, Report, Status, Verdict, examine};
use poltrona_engine::bus::rabbitmq::{Queue, connect};
use poltrona_engine::tls::Tls;
use poltrona_testkit::engines::{RabbitMq, vhost};
use poltrona_testkit::wait::wait_for;

use super::findings::{of, run};
use crate::rabbitmq::opening::open;

fn carrying(url: &str) -> Config {
    Config { ephemeral: true, rabbitmq_url: Some(Secret::new(url)), ..Config::default() }
}

async fn channel(url: &str) -> Channel {
    let uri = url.parse().expect("a URL");
    let connection = connect(uri, &Tls::system(), ConnectionProperties::default()).await;
    connection.expect("a connection").create_channel().await.expect("a channel")
}

/// Declares our queues as somebody else would: of the classic kind.
async fn declare_classic(url: &str) {
    let channel = channel(url).await;
    let durable = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
    for queue in Queue::ALL {
        let names = [queue.name().to_owned(), queue.dead_letters()];
        for name in names.into_iter().chain(queue.retries()) {
            let declared = channel.queue_declare(name.into(), durable, FieldTable::default()).await;
            declared.expect("a queue");
        }
    }
}

/// Puts a message among the dead ones of a queue.
async fn bury(url: &str) {
    let channel = channel(url).await;
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

    let app = open(&vhost).await;
    let declared = async || {
        let report = examine(&carrying(vhost.url())).await;
        (of(&report, "queues").status == Status::Ok).then_some(())
    };
    wait_for("an instance declares them when it connects", declared).await;
    app.stop().await;
    bury(vhost.url()).await;
    let report = examine(&carrying(vhost.url())).await;
    let dead = of(&report, "dead letters");
    assert_eq!((dead.status, dead.detail.as_str()), (Status::Warning, "1 of payments"));
    assert_eq!(dead.fix.as_deref(), Some("poltrona dlq list"));
    assert_eq!(report.verdict(), Verdict::Well);
}

#[tokio::test]
async fn queues_of_another_kind_are_named_and_stay_as_they_are() {
    let vhost = vhost().await;
    declare_classic(vhost.url()).await;
    bury(vhost.url()).await;
    let before = vhost.queues().await;
    let report = examine(&carrying(vhost.url())).await;
    let different = report.findings.iter().filter(|it| it.check == "arguments");
    let different: Vec<_> = different.collect();
    assert_eq!(different.len(), before.len(), "{report}");
    for queue in before.iter().map(|it| it["name"].as_str().expect("a name")) {
        let is_about = |it: &&&Finding| it.detail.starts_with(&format!("the queue {queue} is not"));
        let finding =
            different.iter().find(is_about).unwrap_or_else(|| panic!("{queue}: {report}"));
        assert!(finding.detail.contains("inequivalent arg"), "{finding:?}");
        let (command, fix) = (format!("rabbitmqctl delete_queue {queue} --vhost "), &finding.fix);
        assert!(fix.as_ref().is_some_and(|fix| fix.starts_with(&command)), "{finding:?}");
    }
    let letters = different.iter().find(|it| it.detail.contains("queue payments.dlq is"));
    assert!(letters.expect("it").detail.contains("its messages, 1 or more"), "{report}");
    assert_eq!(vhost.queues().await.len(), before.len(), "the doctor creates nothing");
}

#[tokio::test]
async fn objects_of_another_kind_are_deleted_by_the_printed_fixes() {
    let rabbitmq = RabbitMq::start().await;
    let channel = channel(&rabbitmq.url()).await;
    let (durable, nothing) = (
        QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() },
        FieldTable::default,
    );
    channel.queue_declare("payments".into(), durable, nothing()).await.expect("a queue");
    let (fanout, options) = (ExchangeKind::Fanout, ExchangeDeclareOptions::default());
    channel
        .exchange_declare("poltrona.events".into(), fanout, options, nothing())
        .await
        .expect("an exchange");
    let report = examine(&carrying(&rabbitmq.url())).await;
    let of_other_kind = |report: &Report| {
        let found = report.findings.iter().filter(|it| it.check == "arguments");
        found.map(|it| it.fix.clone().expect("a command")).collect::<Vec<_>>()
    };
    let [exchange, queue] = of_other_kind(&report).try_into().expect("two");
    assert!(of(&report, "queues").detail.contains("payments.dlq"), "{report}");
    let words = queue.split(' ').map(|word| word.trim_matches('\''));
    rabbitmq.control(&words.skip(1).collect::<Vec<_>>());
    let api = rabbitmq.api().replace("guest:guest@", "");
    run(&exchange.replace("USER", "guest:guest").replace("http://HOST:15672", &api), "0");
    let report = examine(&carrying(&rabbitmq.url())).await;
    assert_eq!(of_other_kind(&report), [""; 0], "{report}");
    assert_eq!(of(&report, "queues").fix.as_deref(), Some("systemctl restart poltrona"));
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
