//! Lists and searches are read through indexes, a page's worth wherever it begins: by the plans
//! that the server's module `auto_explain` logs.

use std::sync::Arc;

use poltrona_testkit::app::TestApp;
use poltrona_testkit::engines::Postgres;
use poltrona_testkit::place::Place;

use crate::searching::{Row, insert, sessions};

/// Enough that reading a page of one name in order costs less than reading all sessions of that
/// name, or all from the newest on.
const SESSIONS: i64 = 3_000;
const HALF: usize = 1_500;

/// As many reservations and sales of one user as there are sessions.
const OF_ANA: &str = "
    INSERT INTO reservations (id, session_id, seat_nos, user_id, total_cents, status, created_at,
                              expires_at)
    SELECT gen_random_uuid(), id, '{1}', 'ana', 2500, 'CONFIRMED', created_at, created_at FROM sessions;
    INSERT INTO sales SELECT gen_random_uuid(), id, session_id, 'ana', 2500, '', '', 0, created_at
    FROM reservations;
    ANALYZE";

/// The plans of the queries that the server ran to answer a request.
async fn plans(app: &TestApp, server: &Postgres, path: &str) -> Vec<String> {
    let before = server.log().len();
    app.get(path).await.expect(200);
    // The server writes a plan before it sends the last of a query's rows.
    let log = server.log();
    log[before..].split("Query Text: ").skip(1).map(str::to_owned).collect()
}

#[tokio::test]
async fn every_page_is_read_through_an_index_in_order() {
    let explain = ["session_preload_libraries=auto_explain", "auto_explain.log_min_duration=0"];
    let server = Arc::new(Postgres::start_with(&explain).await);
    let app = TestApp::at(Place::on(&server).await, |_| {}).await;
    let rows = sessions(SESSIONS);
    app.tamper(&insert(&rows, |id| format!("'{id}'")));
    app.tamper(OF_ANA);
    let id = |table: &str, time: &str| {
        app.sql::<String>(&format!("SELECT id FROM {table} ORDER BY {time} OFFSET {HALF} LIMIT 1"))
    };
    let Row { id: session, .. } = &rows[HALF];
    let (reservation, by_age) = (id("reservations", "created_at"), "ROW(created_at, id) <");
    let sale = id("sales", "paid_at");
    for (path, index, deep) in [
        (format!("/sessions?movie=filme+7&limit=10&after={session}"), "sessions_by_movie", by_age),
        (format!("/sessions?room=sala+2&limit=10&after={session}"), "sessions_by_room", by_age),
        (format!("/sessions?movie=filme&limit=100&after={session}"), "sessions_by_age", by_age),
        (
            format!("/reservations/user/ana?limit=10&after={reservation}"),
            "reservations_by_user",
            by_age,
        ),
        (
            format!("/sales/history/ana?limit=10&after={sale}"),
            "sales_by_user",
            "ROW(paid_at, id) <",
        ),
    ] {
        let plans = plans(&app, &server, &path).await;
        let in_order = format!("Index Scan Backward using {index} on");
        let page = plans.iter().find(|plan| plan.contains(&in_order));
        let page = page.unwrap_or_else(|| panic!("{path}: {plans:#?}"));
        assert!(page.contains(deep), "{path}: {page}");
        assert!(!page.contains("Seq Scan on sessions"), "{path}: {page}");
    }
    let by_start = plans(&app, &server, "/sessions?from=2030-01-04&to=2030-01-04&limit=10").await;
    let page = by_start.iter().find(|plan| plan.contains("ORDER BY created_at DESC"));
    let page = page.expect("a page's");
    assert!(page.contains("sessions_by_start"), "{page}");
}
