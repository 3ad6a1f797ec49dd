//! A message that fails is tried again, dead-lettered, listed, and replayed.

use std::time::{Duration, Instant};

use poltrona::app::dead_letters::{list, replay};
use poltrona::config::Config;
use poltrona_testkit::engines;
use poltrona_testkit::wait::wait_for;
use serde_json::Value;

use super::client::Client;
use super::opening::{buy, open, through};
use crate::read_models::agreement;

/// 1 s, 5 s and 25 s.
const ALL_RETRIES: Duration = Duration::from_secs(31);
/// The delay that a broker and a consumer may add to that.
const SLACK: Duration = Duration::from_secs(9);
const POISON: &str = "01900000-0000-7000-8000-0000000000ff";

#[tokio::test]
async fn a_poison_message_is_tried_three_times_more_and_given_up_while_the_queue_moves_on() {
    let vhost = engines::vhost().await;
    let app = open(&vhost).await;
    let client = Client::connect(vhost.url()).await;
    let begun = Instant::now();
    client.send("payments", POISON, "poison").await;
    let session = app.session().await;
    buy(&app, &session, 0).await;
    agreement(&app).await;
    let dead = async || (client.count("payments.dlq").await == 1).then_some(());
    wait_for("it is given up", dead).await;
    let took = begun.elapsed();
    assert!(took >= ALL_RETRIES && took < ALL_RETRIES + SLACK, "{took:?}");
    // Listing it does not consume it.
    for _ in 0..3 {
        let listed = list(app.config(), Some("payments"), 10, true).await.expect("a list");
        let listed: Value = serde_json::from_str(&listed).expect("JSON");
        let pile = &listed[0];
        assert_eq!((&pile["queue"], &pile["count"]), (&"payments".into(), &1.into()));
        let letter = &pile["letters"][0];
        assert_eq!((&letter["id"], &letter["failures"]), (&POISON.into(), &4.into()));
        assert!(letter["why"].as_str().expect("a reason").contains("cannot be read"), "{letter}");
    }
    let letter = client.take("payments.dlq").await;
    let waited = ["payments.retry.1s", "payments.retry.25s", "payments.retry.5s"];
    assert_eq!(letter.waited_in(), waited, "once in each");
    assert_eq!((letter.id.as_deref(), &letter.body[..]), (Some(POISON), &b"poison"[..]));
}

#[tokio::test]
async fn a_look_at_dead_letters_creates_no_queue_and_says_that_there_is_none() {
    let vhost = engines::vhost().await;
    let mut config = Config::default();
    through(&vhost)(&mut config);
    let listed = list(&config, None, 10, false).await.expect("a list");
    let says_so = |line: &str| line.contains(": there is no queue for dead letters");
    assert!(listed.lines().count() == 3 && listed.lines().all(says_so), "{listed}");
    let listed = list(&config, Some("payments"), 10, true).await.expect("a list");
    let listed: Value = serde_json::from_str(&listed).expect("JSON");
    assert!(listed[0]["count"].is_null(), "{listed}");
    assert_eq!(vhost.queues().await.len(), 0);
}

#[tokio::test]
async fn a_dead_letter_that_is_replayed_acts_once() {
    let vhost = engines::vhost().await;
    let app = open(&vhost).await;
    let client = Client::connect(vhost.url()).await;
    app.place().forbid("INSERT", "sales_by_hour");
    let session = app.session().await;
    buy(&app, &session, 0).await;
    let dead = async || (client.count("payments.dlq").await == 1).then_some(());
    wait_for("it is given up", dead).await;
    assert_eq!(app.count("sales_by_hour"), 0);
    assert_eq!(app.count("inbox WHERE consumer = 'sales_by_hour'"), 0);
    let listed = list(app.config(), None, 10, false).await.expect("a list");
    assert!(listed.contains("payments: 1 dead letter\n"), "{listed}");
    assert!(listed.contains("payment.confirmed"), "{listed}");
    assert!(listed.contains("reservations: 0 dead letters"), "{listed}");
    app.place().allow("sales_by_hour");
    let replayed = replay(app.config(), None, usize::MAX).await.expect("it is replayed");
    assert!(replayed.contains("payments: 1 sent back"), "{replayed}");
    agreement(&app).await;
    assert_eq!(app.count("inbox WHERE consumer = 'sales_by_hour'"), 1);
    assert_eq!(client.count("payments.dlq").await, 0);
}
