//! A pooler between the program and its server.

use std::sync::Arc;

use poltrona::config::Secret;
use poltrona::doctor::{Status, examine};
use poltrona_engine::env::clock::Clock;
use poltrona_testkit::app::TestApp;
use poltrona_testkit::engines::PgBouncer;
use poltrona_testkit::place::Place;

/// The place of a fresh database, and its URL.
async fn place() -> (Arc<Place>, String) {
    let place = Place::server().await;
    let url = place.config().database_url.expect("a server").expose().to_owned();
    (Arc::new(place), url)
}

#[tokio::test]
async fn a_pooler_that_gives_each_transaction_another_connection_is_refused_in_words() {
    let (place, url) = place().await;
    let pooler = PgBouncer::before(&url, "transaction").await;
    let mut config = place.config();
    config.database_url = Some(Secret::new(pooler.url()));
    let report = examine(&config).await.to_string();
    assert!(report.contains("pool_mode = session"), "{report}");
    let refused = TestApp::try_at(place, Clock::System, |config| {
        config.database_url = Some(Secret::new(pooler.url()));
    });
    let refused = format!("{:#}", refused.await.err().expect("it is refused"));
    assert!(refused.contains("pool_mode = session"), "{refused}");
}

#[tokio::test]
async fn a_pooler_that_drops_the_first_packets_settings_takes_no_limit_away() {
    let (place, url) = place().await;
    let pooler = PgBouncer::before(&url, "session").await;
    let app = TestApp::try_at(place, Clock::System, |config| {
        config.database_url = Some(Secret::new(pooler.url()));
    });
    let app = app.await.expect("it opens");
    let findings = examine(app.config()).await;
    assert!(findings.findings.iter().all(|it| it.status != Status::Failure), "{findings}");
    let session = app.session().await;
    let held = app.reserve(session.seat("A1"), "ana").await.expect(201).id();
    // The limit on locks is a second: without it this would wait for as long as the seat is locked.
    let lock = format!(
        "SELECT 1 FROM seats WHERE session_id = '{}' AND seat_no = 1 FOR UPDATE",
        session.id
    );
    let locked = app.place().keep_locked(&lock).await;
    app.pay(&held).await.expect(503);
    locked.end();
    app.pay(&held).await.expect(201);
}
