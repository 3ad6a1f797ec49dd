//! Single events reach every queue that is bound to the exchange, and cost nothing while none is.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use poltrona_engine::bus::rabbitmq::SingleEvents;
use poltrona_testkit::app::{Session, TestApp};
use poltrona_testkit::engines;
use serde_json::Value;

use super::client::{Client, Taken};
use super::opening::{buy, connected, metric, open, published_once, through, two};

/// How long events of a kind are left out before the next one asks again.
const PAUSE: Duration = Duration::from_secs(1);
/// More than a binding should need to be noticed.
const SOON: Duration = Duration::from_secs(10);

const PUBLISHED: &str = r#"poltrona_published_total{queue="poltrona.events"}"#;
const LEFT_OUT: &str = r#"poltrona_events_unheard_total{outcome="left_out"}"#;
const RETURNED: &str = r#"poltrona_events_unheard_total{outcome="returned"}"#;

/// Buys one seat after the other, each with two events.
struct Crowd<'a> {
    app: &'a TestApp,
    session: Session,
    sold: usize,
}

impl<'a> Crowd<'a> {
    async fn of(app: &'a TestApp) -> Self {
        Self { app, session: app.session().seats(2_000).await, sold: 0 }
    }

    async fn buy(&mut self) {
        buy(self.app, &self.session, self.sold).await;
        self.sold += 1;
    }

    /// Buys, each time once all was delivered, until a listener has received each of these kinds.
    async fn buy_until_heard(&mut self, listener: &Client, queue: &str, kinds: &[&str]) {
        let begun = Instant::now();
        let mut missing: BTreeSet<_> = kinds.iter().copied().collect();
        while !missing.is_empty() {
            self.buy().await;
            self.app.settle_outbox().await;
            for message in taken(listener, queue).await {
                missing.remove(message.routing_key.as_str());
            }
            assert!(begun.elapsed() < SOON, "{missing:?} are not received");
        }
    }
}

/// Every message that waits in a queue.
async fn taken(listener: &Client, queue: &str) -> Vec<Taken> {
    let mut taken = Vec::new();
    for _ in 0..listener.count(queue).await {
        taken.push(listener.take(queue).await);
    }
    taken
}

fn bodies(messages: &[Taken]) -> Vec<Value> {
    messages.iter().map(Taken::json).collect()
}

#[tokio::test]
async fn while_nobody_listens_an_event_of_a_kind_asks_now_and_then_and_the_others_are_left_out() {
    const KINDS: u64 = 3;
    let vhost = engines::vhost().await;
    let app = open(&vhost).await;
    let begun = Instant::now();
    let mut crowd = Crowd::of(&app).await;
    for _ in 0..100 {
        crowd.buy().await;
    }
    published_once(&app, 100).await;
    let asked = metric(&app, RETURNED).await;
    assert!(asked <= KINDS * (begun.elapsed().as_secs() / PAUSE.as_secs() + 1), "{asked}");
    assert_eq!(asked + metric(&app, LEFT_OUT).await, 201);
    assert_eq!(metric(&app, PUBLISHED).await, 0);
    // What comes back from the exchange is no fault of our own queues.
    for fault in ["poltrona_returned_total", "poltrona_refused_total"] {
        assert_eq!(metric(&app, fault).await, 0, "{fault}");
    }
    assert_eq!(app.engine().bus.is_up(), Some(true));
}

#[tokio::test]
async fn a_queue_that_is_bound_late_soon_gets_every_event_until_it_is_gone() {
    let vhost = engines::vhost().await;
    let app = open(&vhost).await;
    let stranger = Client::connect(vhost.url()).await;
    let mut crowd = Crowd::of(&app).await;
    crowd.buy().await;
    app.settle_outbox().await;
    stranger.listen("late", "#").await;
    crowd.buy_until_heard(&stranger, "late", &["reservation.created", "payment.confirmed"]).await;

    app.record_events();
    for _ in 0..20 {
        crowd.buy().await;
    }
    app.settle_outbox().await;
    assert_eq!(bodies(&taken(&stranger, "late").await), app.events());

    stranger.delete("late").await;
    let published = metric(&app, PUBLISHED).await;
    for _ in 0..20 {
        crowd.buy().await;
    }
    app.settle_outbox().await;
    assert_eq!(metric(&app, PUBLISHED).await, published);
    assert_eq!(metric(&app, "poltrona_returned_total").await, 0);
    published_once(&app, i64::try_from(crowd.sold).expect("a count")).await;
}

#[tokio::test]
async fn a_queue_that_is_bound_to_one_kind_gets_that_kind_and_the_others_are_left_out() {
    let vhost = engines::vhost().await;
    let app = open(&vhost).await;
    app.record_events();
    let stranger = Client::connect(vhost.url()).await;
    stranger.listen("payments-only", "payment.#").await;
    let mut crowd = Crowd::of(&app).await;
    for _ in 0..20 {
        crowd.buy().await;
    }
    app.settle_outbox().await;
    let of_payments = |event: &Value| event["type"] == "payment.confirmed";
    let payments: Vec<_> = app.events().into_iter().filter(of_payments).collect();
    assert_eq!(bodies(&taken(&stranger, "payments-only").await), payments);
    assert_eq!(metric(&app, PUBLISHED).await, 20);
    let [left_out, returned] = [metric(&app, LEFT_OUT).await, metric(&app, RETURNED).await];
    assert_eq!(left_out + returned, 21, "a session and its holds");
}

#[tokio::test]
async fn every_event_is_published_where_it_is_so_configured() {
    let vhost = engines::vhost().await;
    let app = TestApp::in_real_time(|config| {
        through(&vhost)(config);
        config.event_exchange = SingleEvents::Always;
    })
    .await;
    connected(&app).await;
    let stranger = Client::connect(vhost.url()).await;
    let mut crowd = Crowd::of(&app).await;
    crowd.buy().await;
    app.settle_outbox().await;
    app.record_events();
    stranger.listen("late", "#").await;
    for _ in 0..3 {
        crowd.buy().await;
    }
    app.settle_outbox().await;
    assert_eq!(bodies(&taken(&stranger, "late").await), app.events(), "the first one included");
    assert_eq!(metric(&app, PUBLISHED).await, 9);
    assert_eq!([metric(&app, LEFT_OUT).await, metric(&app, RETURNED).await], [0, 0]);
}

#[tokio::test]
async fn each_instance_notices_a_queue_that_is_bound() {
    let vhost = engines::vhost().await;
    let [first, second] = two(&vhost).await;
    let stranger = Client::connect(vhost.url()).await;
    let [mut one, mut other] = [Crowd::of(&first).await, Crowd::of(&second).await];
    one.buy().await;
    other.buy().await;
    first.settle_outbox().await;
    stranger.listen("late", "payment.confirmed").await;
    one.buy_until_heard(&stranger, "late", &["payment.confirmed"]).await;
    other.buy_until_heard(&stranger, "late", &["payment.confirmed"]).await;
    for _ in 0..5 {
        one.buy().await;
        other.buy().await;
    }
    first.settle_outbox().await;
    assert_eq!(taken(&stranger, "late").await.len(), 10);
}
