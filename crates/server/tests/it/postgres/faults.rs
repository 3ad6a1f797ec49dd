//! Connections that break.

use std::sync::Arc;
use std::time::{Duration, Instant};

use poltrona::config::Secret;
use poltrona_engine::env::clock::Clock;
use poltrona_engine::store::Trouble;
use poltrona_testkit::app::{Answer, Request, TestApp};
use poltrona_testkit::engines::Postgres;
use poltrona_testkit::place::Place;
use poltrona_testkit::wait::wait_for;

/// Well below every time-out.
const AT_ONCE: Duration = Duration::from_secs(2);

#[tokio::test]
async fn requests_on_a_connection_that_breaks_are_answered_truthfully_at_once() {
    let app = TestApp::on_a_server().await;
    let session = app.session().await;
    let lock = app.place().keep_locked("SELECT 1 FROM seats WHERE seat_no = 1 FOR UPDATE").await;
    let (answer, cut_at) =
        tokio::join!(app.reserve(session.seat("A1"), "ana").into_future(), async {
            app.place().wait_for_waiting(1).await;
            app.place().cut_connections();
            lock.end();
            Instant::now()
        });
    assert!(cut_at.elapsed() < AT_ONCE, "{:?}", cut_at.elapsed());
    // Nothing had been written, so it could be tried again if the break was noticed soon enough.
    let is_held = answer.status == 201;
    if !is_held {
        answer.refused(503, "store_unavailable");
    }
    assert_eq!(app.count("reservations"), i64::from(is_held));
    app.reserve(session.seat("A2"), "bia").await.expect(201);
}

#[tokio::test]
async fn connections_that_were_cut_while_nobody_used_them_are_noticed_before_they_are_used() {
    let app = TestApp::on_a_server().await;
    let session = app.session().await;
    let held = app.reserve(session.seat("A1"), "ana").await.expect(201).id();
    app.settle().await;
    for number in ["A2", "A3", "A4"] {
        app.place().cut_connections();
        app.reserve(session.seat(number), "ana").await.expect(201);
        app.get(&session.path()).await.expect(200);
    }
    app.place().cut_connections();
    app.pay(&held).await.expect(201);
}

#[tokio::test]
async fn a_batch_that_is_cut_while_it_is_written_is_undone_whole() {
    let app = TestApp::on_a_server().await;
    let session = app.session().await;
    let lock = app.place().keep_locked("LOCK TABLE outbox IN SHARE MODE").await;
    let ask = || app.reserve(session.seat("A1"), "ana").key("k").into_future();
    let (refused, ()) = tokio::join!(ask(), async {
        app.place().wait_for_waiting(1).await;
        app.place().cut_connections();
    });
    refused.refused(503, "store_unavailable");
    lock.end();
    assert_eq!(app.count("reservations"), 0);
    // The next is served by a new connection.
    ask().await.expect(201);
    app.assert_books_balance();
}

#[tokio::test]
async fn a_commit_that_is_cut_has_an_unknown_outcome_that_its_key_resolves() {
    let app = TestApp::on_a_server().await;
    let session = app.session().await;
    // COMMIT itself waits.
    app.tamper(
        "CREATE FUNCTION linger() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN PERFORM pg_advisory_xact_lock_shared(1); RETURN NULL; END $$;
         CREATE CONSTRAINT TRIGGER lingering AFTER INSERT ON outbox DEFERRABLE INITIALLY DEFERRED
            FOR EACH ROW EXECUTE FUNCTION linger()",
    );
    let lock = app.place().keep_locked("SELECT pg_advisory_xact_lock(1)").await;
    let ask = || app.reserve(session.seat("A1"), "ana").key("k").into_future();
    let (unknown, ()) = tokio::join!(ask(), async {
        app.place().wait_for_waiting(1).await;
        app.place().cut_connections();
    });
    unknown.refused(503, "outcome_unknown");
    lock.end();
    let first = ask().await.expect(201);
    assert_eq!(ask().await.expect(201).bytes, first.bytes);
    assert_eq!(app.count("reservations"), 1);
    app.assert_books_balance();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_cut_under_load_lose_nothing_that_was_acknowledged() {
    let app = TestApp::on_a_server().await;
    let session = app.session().seats(96).await;
    let seats = session.all_seats();
    let ask = |i: usize| app.reserve(seats[i], &format!("user-{i}")).key("k");
    let (mut acknowledged, mut open) = (0, (0..96).collect::<Vec<_>>());
    for round in 0..6 {
        let asked: Vec<Request> = open.iter().map(|i| ask(*i)).collect();
        let cutting = async {
            if round < 5 {
                app.place().cut_connections();
            }
        };
        let (answers, ()) = tokio::join!(at_once_in_order(asked), cutting);
        let kept = app.count("reservations");
        let mut left = Vec::new();
        for (i, answer) in open.iter().zip(&answers) {
            match answer.status {
                201 => acknowledged += 1,
                503 => left.push(*i),
                other => panic!("{other}: {}", answer.lossy()),
            }
        }
        assert!(kept >= acknowledged, "{kept} of {acknowledged} acknowledged");
        open = left;
    }
    // Each failed request was sent again with the same key, the last time without cuts.
    assert_eq!(open, Vec::<usize>::new());
    assert_eq!((acknowledged, app.count("reservations")), (96, 96));
    app.assert_books_balance();
}

/// Sends all of them at once; the answers come in the order of the requests.
async fn at_once_in_order(requests: Vec<Request>) -> Vec<Answer> {
    futures_util::future::join_all(requests.into_iter().map(IntoFuture::into_future)).await
}

#[tokio::test]
async fn one_request_probes_a_frozen_server_and_the_others_are_refused_at_once() {
    let server = Postgres::start().await;
    let app = TestApp::try_at(Arc::new(Place::server().await), Clock::System, |config| {
        config.database_url = Some(Secret::new(server.url()));
        config.run_migrations = true;
    });
    let app = app.await.expect("it opens");
    let session = app.session().await;
    server.pause();
    // One request has to wait in vain first.
    app.get("/sessions").await.refused(503, "store_unavailable");
    let others = async {
        let is_silent = || app.engine().store.trouble() == Some(Trouble::Silent);
        app.wait_until("one asks again", is_silent).await;
        app.get(&session.path()).await.refused(503, "store_unavailable");
        app.reserve(session.seat("A1"), "ana").await.refused(503, "store_unavailable");
        app.get("/readyz").await.expect(503);
        server.resume();
    };
    tokio::join!(app.get("/sessions").into_future(), others);
    wait_for("it answers again", async || (app.get("/sessions").await.status == 200).then_some(()))
        .await;
    app.reserve(session.seat("A1"), "ana").await.expect(201);
}

/// How many sessions of the server wait for a standby.
async fn waiting_for_a_standby(server: &Postgres) -> usize {
    server.sql("SELECT pid::text FROM pg_stat_activity WHERE wait_event = 'SyncRep'").await.len()
}

#[tokio::test]
async fn a_commit_that_no_standby_takes_is_waited_for_once_and_nothing_else_is_begun() {
    let server = Postgres::start().await;
    let app = TestApp::try_at(Arc::new(Place::server().await), Clock::System, |config| {
        config.database_url = Some(Secret::new(server.url()));
        (config.run_migrations, config.ledger_workers) = (true, 1);
    });
    let app = app.await.expect("it opens");
    let session = app.session().await;
    // A standby that is not there.
    server.sql("ALTER SYSTEM SET synchronous_standby_names = 'gone'").await;
    server.sql("SELECT pg_reload_conf()").await;
    let reserve = || app.reserve(session.seat("A1"), "ana").key("k");
    reserve().await.refused(503, "outcome_unknown");
    for _ in 0..3 {
        reserve().await.refused(503, "store_unavailable");
    }
    assert_eq!(waiting_for_a_standby(&server).await, 1, "no backend is left behind");
    let page = app.get("/readyz?verbose").await.expect(503);
    assert_eq!(page.body["checks"]["database"], "not_committing");
    app.get("/sessions").await.expect(200);
    server.sql("ALTER SYSTEM RESET synchronous_standby_names").await;
    server.sql("SELECT pg_reload_conf()").await;
    app.wait_until("it commits", || app.engine().store.trouble().is_none()).await;
    app.get("/readyz").await.expect(200);
    // It was done, and is answered as it would have been.
    reserve().await.expect(201);
    assert_eq!(server.sql("SELECT count(*)::text FROM reservations").await, ["1"]);
}
