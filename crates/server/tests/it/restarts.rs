//! Stopping, starting again, and starts that are refused.

use poltrona::app::Running;
use poltrona_engine::Env;
use poltrona_testkit::app::{MILLI, TestApp};

#[tokio::test]
async fn a_restart_keeps_everything() {
    let app = TestApp::open().await;
    let session = app.session().seats(24).await;
    let paid = app.reserve(session.seat("A1"), "ana").await.expect(201).id();
    app.pay(&paid).await.expect(201);
    let cancelled = app.reserve(session.seat("A2"), "ana").await.expect(201).id();
    app.cancel(&cancelled).await.expect(204);
    let seats = session.seats(["C1", "A3"]);
    let held = app.reserve_all(&seats, "ana").await.expect(201).id();
    let paths = [
        "/sessions".to_owned(),
        session.path(),
        format!("/seats/{}", session.id),
        "/reservations/user/ana".to_owned(),
        "/sales/history/ana".to_owned(),
    ];
    let mut before = Vec::new();
    for path in &paths {
        before.push(app.get(path).await.expect(200).bytes);
    }
    let app = app.stop().await.open_after(MILLI).await;
    for (path, before) in paths.iter().zip(before) {
        assert_eq!(app.get(path).await.expect(200).bytes, before, "{path}");
    }
    app.pay(&held).await.expect(201);
    app.reserve(session.seat("A1"), "bia").await.refused(409, "seat_sold");
}

#[tokio::test]
async fn a_stop_in_good_order_leaves_nothing_in_the_log_of_the_database() {
    let app = TestApp::embedded().await;
    app.session().await;
    let file = poltrona_engine::store::sqlite::folder::database_in(&app.config().data_dir);
    let log = format!("{}-wal", file.display());
    assert_ne!(std::fs::metadata(&log).expect("a log, while it runs").len(), 0);
    let stopped = app.stop().await;
    assert_eq!(std::fs::metadata(&log).map_or(0, |log| log.len()), 0);
    assert_eq!(stopped.sql::<i64>("SELECT count(*) FROM sessions"), 1);
}

#[tokio::test]
async fn a_database_of_a_newer_program_is_refused_and_left_alone() {
    let app = TestApp::open().await;
    app.session().await;
    let stopped = app.stop().await;
    stopped.tamper(
        "INSERT INTO schema_migrations (version, name, checksum, applied_at, oldest)
         SELECT 9999, 'contracted', checksum, 0, 9999 FROM schema_migrations WHERE version = 1",
    );
    let config = stopped.config().clone();
    let refused = Running::start(config.clone(), Env::system()).await.err().expect("it is refused");
    let message = format!("{refused:#}");
    assert!(message.contains("9999") && message.contains("newer"), "{message}");
    stopped.tamper("DELETE FROM schema_migrations WHERE version = 9999");
    let app = stopped.open_after(MILLI).await;
    assert_eq!(app.get("/sessions").await.expect(200).ids().len(), 1);
}

#[tokio::test]
async fn a_program_sells_on_beside_a_newer_schema_that_only_grew() {
    let app = TestApp::open().await;
    let session = app.session().await;
    let stopped = app.stop().await;
    stopped.tamper(
        "INSERT INTO schema_migrations (version, name, checksum, applied_at, oldest)
         SELECT 9999, 'expanded', checksum, 0, 2 FROM schema_migrations WHERE version = 1",
    );
    let app = stopped.open_after(MILLI).await;
    let held = app.reserve(session.seat("A1"), "ana").await.expect(201).id();
    app.pay(&held).await.expect(201);
}

#[tokio::test]
async fn a_data_folder_has_one_program_at_a_time() {
    let app = TestApp::embedded().await;
    let config = app.config().clone();
    let refused = Running::start(config, Env::system()).await.err().expect("it is refused");
    let message = format!("{refused:#}");
    assert!(
        message.contains("in use") && message.contains(&std::process::id().to_string()),
        "{message}"
    );
    // The first one does not notice.
    app.session().await;
    app.stop().await.open_after(MILLI).await;
}

#[tokio::test]
async fn commands_after_the_end_are_refused_and_nothing_is_done() {
    let app = TestApp::open().await;
    let session = app.session().await;
    app.engine().ledger.close();
    let refused = app.reserve(session.seat("A1"), "ana").await;
    let refused = refused.refused(503, "store_unavailable");
    assert_eq!(refused.header("retry-after"), Some("1"));
    app.get(&session.path()).await.expect(200);
}
