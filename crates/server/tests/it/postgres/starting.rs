//! Instances that start, on a database that is not ready.

use std::sync::Arc;

use futures_util::future::join_all;
use poltrona_engine::env::clock::Clock;
use poltrona_testkit::app::TestApp;
use poltrona_testkit::place::Place;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn instances_that_start_together_on_an_empty_database_all_come_up() {
    let place = Arc::new(Place::server().await);
    let opening = (0..4).map(|_| TestApp::try_at(Arc::clone(&place), Clock::System, |_| {}));
    let apps = join_all(opening).await.into_iter().map(|app| app.expect("it comes up"));
    let apps: Vec<_> = apps.collect();
    let session = apps[0].session().await;
    for (app, number) in apps.iter().zip(["A1", "A2", "A3", "A4"]) {
        app.reserve(session.seat(number), "ana").await.expect(201);
    }
    let twice = "(SELECT version FROM schema_migrations GROUP BY version HAVING count(*) > 1) AS t";
    assert_eq!(apps[3].count(twice), 0);
    assert!(apps[3].count("schema_migrations") > 0);
}

#[tokio::test]
async fn a_database_without_its_tables_is_left_alone_by_default() {
    let place = Arc::new(Place::server().await);
    let open = || {
        let place = Arc::clone(&place);
        TestApp::try_at(place, Clock::System, |config| config.run_migrations = false)
    };
    let refused = open().await.err().expect("it is refused");
    let message = format!("{refused:#}");
    assert!(
        message.contains("poltrona migrate up") && message.contains("--run-migrations"),
        "{message}"
    );
    let tables = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'";
    assert_eq!(place.sql::<i64>(tables), 0);
    poltrona::app::migrate::up(&place.config()).await.expect("they are made");
    open().await.expect("it opens").session().await;
}
