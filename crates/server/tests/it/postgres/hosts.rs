//! A server that is named by several hosts.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use poltrona::config::Secret;
use poltrona_engine::env::clock::Clock;
use poltrona_engine::store::Trouble;
use poltrona_testkit::app::TestApp;
use poltrona_testkit::engines::Postgres;
use poltrona_testkit::place::Place;
use poltrona_testkit::wait::wait_for;

#[tokio::test]
async fn a_host_that_never_answers_holds_nobody_up_for_long() {
    let place = Arc::new(Place::server().await);
    let url = place.config().database_url.expect("a server").expose().to_owned();
    // It accepts connections, and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let at = silent.local_addr().expect("an address");
    let (front, database) = url.rsplit_once('/').expect("a URL with a database");
    let (scheme, server) = front.rsplit_once('@').expect("a URL with a user");
    let hosts = format!("{scheme}@{at},{server}/{database}");
    let app = TestApp::try_at(place, Clock::System, |config| {
        config.database_url = Some(Secret::new(hosts));
    });
    let app = app.await.expect("it opens");
    let session = app.session().await;
    for number in ["A1", "A2", "A3"] {
        app.reserve(session.seat(number), "ana").await.expect(201);
    }
    app.get("/readyz").await.expect(200);
}

/// An instance that knows these servers, in this order.
async fn instance(servers: [&Postgres; 2]) -> anyhow::Result<TestApp> {
    let address = |server: &Postgres| {
        let url = server.url();
        let (_, at) = url.split_once('@').expect("a URL with a user");
        at.split_once('/').expect("a URL with a database").0.to_owned()
    };
    let url = format!("postgres://postgres@{}/postgres", servers.map(address).join(","));
    TestApp::try_at(Arc::new(Place::server().await), Clock::System, |config| {
        config.database_url = Some(Secret::new(url));
        (config.run_migrations, config.wait_for) = (true, Duration::ZERO);
    })
    .await
}

#[tokio::test]
async fn a_primary_that_comes_back_beside_the_promoted_one_stops_all_sales() {
    let mut old = Postgres::start().await;
    let new = Postgres::standby_of(&old).await;
    // An acknowledged sale has to be on the standby.
    old.sql("ALTER SYSTEM SET synchronous_standby_names = '*'").await;
    old.sql("SELECT pg_reload_conf()").await;
    let app = instance([&old, &new]).await.expect("it opens");
    let session = app.session().await;
    app.reserve(session.seat("A1"), "ana").await.expect(201);

    old.kill();
    new.promote().await;
    let sold = wait_for("the promoted one is found", async || {
        let answer = app.reserve(session.seat("A2"), "ana").key("k").await;
        (answer.status != 503).then_some(answer)
    });
    sold.await.expect(201);
    app.reserve(session.seat("A1"), "bia").await.refused(409, "seat_held");

    old.start_again().await;
    old.sql("ALTER SYSTEM RESET synchronous_standby_names").await;
    old.sql("SELECT pg_reload_conf()").await;
    let several = || app.engine().store.trouble() == Some(Trouble::SeveralPrimaries);
    app.wait_until("both are seen", several).await;
    app.reserve(session.seat("A3"), "ana").await.refused(503, "store_unavailable");
    let page = app.get("/readyz?verbose").await.expect(503);
    assert_eq!(page.body["checks"]["database"], "several_primaries");
    let error = instance([&old, &new]).await.err().expect("nobody can start").to_string();
    assert!(error.contains("take writes"), "{error}");

    old.kill();
    app.wait_until("one is left", || !several()).await;
    app.reserve(session.seat("A3"), "ana").await.expect(201);
}

#[tokio::test]
async fn a_primary_that_stands_still_is_left_for_the_promoted_one() {
    let old = Postgres::start().await;
    let new = Postgres::standby_of(&old).await;
    let app = instance([&old, &new]).await.expect("it opens");
    let session = app.session().await;
    app.get("/readyz").await.expect(200);

    old.pause();
    new.promote().await;
    let found = wait_for("the promoted one is found", async || {
        let held = app.reserve(session.seat("A1"), "ana").key("k").await;
        let (map, ready) = (app.get(&session.path()).await, app.get("/readyz").await);
        [held.status, map.status, ready.status].eq(&[201, 200, 200]).then_some(held)
    });
    found.await.expect(201);
    assert_eq!(new.sql("SELECT count(*)::text FROM reservations").await, ["1"]);
}

#[tokio::test]
async fn nobody_starts_on_a_standby() {
    let primary = Postgres::start().await;
    let standby = Postgres::standby_of(&primary).await;
    let alone = TestApp::try_at(Arc::new(Place::server().await), Clock::System, |config| {
        config.database_url = Some(Secret::new(standby.url()));
        config.wait_for = Duration::ZERO;
    });
    let alone = alone.await.err().expect("it takes no writes").to_string();
    assert!(alone.contains("name the primary"), "{alone}");
}

#[tokio::test]
async fn a_primary_that_was_replaced_is_not_sold_on_though_it_alone_is_there() {
    let mut old = Postgres::start().await;
    let mut new = Postgres::standby_of(&old).await;
    let app = instance([&old, &new]).await.expect("it opens");
    let session = app.session().await;
    old.kill();
    new.promote().await;
    wait_for("the promoted one is found", async || {
        (app.reserve(session.seat("A1"), "ana").await.status == 201).then_some(())
    })
    .await;
    new.kill();
    old.start_again().await;
    app.reserve(session.seat("A2"), "ana").await.refused(503, "store_unavailable");
    app.get("/sessions").await.refused(503, "store_unavailable");
    assert_eq!(old.sql("SELECT id::text FROM reservations").await, Vec::<String>::new());
}
