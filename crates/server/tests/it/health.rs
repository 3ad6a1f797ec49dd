//! Health, readiness and metrics, as probes read them.

use poltrona_testkit::app::{HOLD, START, TestApp};
use serde_json::json;

#[tokio::test]
async fn the_program_says_that_it_is_well_and_who_it_is() {
    let app = TestApp::open().await;
    let expected = json!({
        "status": "ok",
        "timestamp": START,
        "service": "poltrona",
        "version": env!("CARGO_PKG_VERSION"),
    });
    assert_eq!(app.get("/health").await.expect(200).body, expected);
}

#[tokio::test]
async fn livez_answers_while_the_program_runs() {
    let app = TestApp::open().await;
    let alive = app.get("/livez").await.expect(200);
    assert_eq!(alive.lossy(), "ok\n");
    app.inner().stop.cancel();
    app.get("/livez").await.expect(200);
}

#[tokio::test]
async fn it_is_ready_until_it_begins_to_stop() {
    let app = TestApp::open().await;
    assert_eq!(app.get("/readyz").await.expect(200).body, json!({ "status": "ready" }));
    let verbose = app.get("/readyz?verbose").await.expect(200);
    assert_eq!(verbose.body, json!({ "status": "ready", "checks": { "database": "ok" } }));
    app.inner().stop.cancel();
    assert_eq!(app.get("/readyz").await.expect(503).body, json!({ "status": "draining" }));
}

#[tokio::test]
async fn requests_and_effects_are_counted() {
    let app = TestApp::open().await;
    let session = app.session().await;
    app.reserve(session.seat("A1"), "ana").await.expect(201);
    app.reserve(session.seat("A1"), "bia").await.refused(409, "seat_held");
    app.reserve(session.seat("A2"), "bia").await.expect(201);
    app.advance(HOLD);
    app.settle().await;
    let page = app.get("/metrics").await.expect(200);
    assert!(page.header("content-type").unwrap().starts_with("text/plain"));
    let page = page.lossy();
    let has = |line: &str| assert!(page.lines().any(|it| it == line), "{line} in\n{page}");
    has(r#"poltrona_commands_total{command="open_session",outcome="done"} 1"#);
    has(r#"poltrona_commands_total{command="reserve",outcome="done"} 2"#);
    has(r#"poltrona_commands_total{command="reserve",outcome="refused"} 1"#);
    has(r#"poltrona_commands_total{command="expire",outcome="done"} 2"#);
    has(r#"poltrona_http_requests_total{route="/reservations",method="POST",status="409"} 1"#);
    has("poltrona_invariant_violations_total 0");
    has(r#"poltrona_engine_up{engine="database"} 1"#);
    assert!(!page.contains(r#"engine="redis""#), "none is configured");
    // Nobody keeps the log from being emptied, which begins at 128 MiB.
    let log = page.lines().find_map(|it| it.strip_prefix("poltrona_database_log_bytes "));
    assert_eq!(log.is_some(), app.place().is_a_folder(), "SQLite alone has one");
    assert!(log.is_none_or(|bytes| (1..128 << 20).contains(&bytes.parse().unwrap())), "{log:?}");
    has("poltrona_holds_watched 0");
    has("poltrona_expiry_lateness_seconds_count 2");
    has("poltrona_expiry_lateness_seconds_sum 0");
}

#[tokio::test]
async fn no_users_id_comes_into_what_is_counted() {
    let app = TestApp::open().await;
    app.get("/reservations/user/ana-maria").await.expect(200);
    app.get("/sales/history/ana-maria").await.expect(200);
    app.get("/nothing/ana-maria").await.expect(404);
    let page = app.get("/metrics").await.expect(200).lossy();
    assert!(page.contains(r#"route="/reservations/user/{userId}""#));
    assert!(!page.contains("ana-maria"));
}

#[tokio::test]
async fn a_method_that_somebody_made_up_is_counted_under_no_name_of_its_own() {
    let app = TestApp::open().await;
    for method in ["FOO", "BAR"] {
        app.request(method, "/sessions").await.expect(405);
    }
    let page = app.get("/metrics").await.expect(200).lossy();
    assert!(page.contains(r#"method="other",status="405"} 2"#), "{page}");
    assert!(!page.contains("FOO"));
}
