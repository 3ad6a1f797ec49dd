//! Box offices whose events go through a vhost.

use std::sync::Arc;

use poltrona::config::{Config, Secret};
use poltrona_engine::env::clock::Clock;
use poltrona_testkit::app::{Session, TestApp};
use poltrona_testkit::engines::Vhost;
use poltrona_testkit::place::Place;

use crate::read_models::agreement;

/// The settings that lead to a vhost.
pub(super) fn through(vhost: &Vhost) -> impl Fn(&mut Config) {
    let url = vhost.url().to_owned();
    move |config| config.rabbitmq_url = Some(Secret::new(url.as_str()))
}

/// A box office in real time whose events go through this vhost, connected.
pub(crate) async fn open(vhost: &Vhost) -> TestApp {
    let app = TestApp::in_real_time(through(vhost)).await;
    connected(&app).await;
    app
}

/// Two instances over one server and one vhost, connected.
pub(super) async fn two(vhost: &Vhost) -> [TestApp; 2] {
    let place = Arc::new(Place::server().await);
    let first = TestApp::try_at(place, Clock::System, through(vhost)).await.expect("it opens");
    let second = first.another().await;
    for app in [&first, &second] {
        connected(app).await;
    }
    [first, second]
}

/// The value of a line of the page of metrics.
pub(super) async fn metric(app: &TestApp, line: &str) -> u64 {
    let page = app.get("/metrics").await.expect(200).lossy();
    let value = page.lines().find_map(|it| it.strip_prefix(line)).expect("a line");
    value.trim().parse().expect("a count")
}

pub(super) async fn connected(app: &TestApp) {
    app.wait_until("it is connected", || app.engine().bus.is_up() == Some(true)).await;
}

/// Fails unless every row of the outbox has acted exactly once.
pub(super) async fn published_once(app: &TestApp, sales: i64) {
    app.settle_outbox().await;
    agreement(app).await;
    assert_eq!(app.sql::<i64>("SELECT sum(sales) FROM sales_by_hour"), sales);
}

/// Buys this seat; returns the sale.
pub(super) async fn buy(app: &TestApp, session: &Session, seat: usize) {
    let held = app.reserve(session.all_seats()[seat], "ana").await.expect(201);
    app.pay(&held.id()).await.expect(201);
}
