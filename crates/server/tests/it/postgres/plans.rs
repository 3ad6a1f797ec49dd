//! The plan of every statement that PostgreSQL is asked, over tables of a hundred thousand rows that were analysed:
//! each finds its rows by the index that it was written for, whether it is planned anew for its parameters or once for
//! all. The server's module `auto_explain` logs the plans of statements as they run, those of triggers included.
//!
//! `plans.txt` has each statement and, under it, the scans by which it finds rows. A statement that is new, or has other
//! scans, fails the test, which prints the text that the file would need.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use poltrona::config::Config;
use poltrona_domain::Timestamp;
use poltrona_engine::env::clock::Clock;
use poltrona_engine::projection;
use poltrona_engine::store::background::{BackgroundWrite, Projection, Purgeable};
use poltrona_testkit::app::{HOLD, TestApp};
use poltrona_testkit::engines::Postgres;
use poltrona_testkit::place::Place;
use poltrona_testkit::wait::wait_for;
use serde_json::{Value, json};

const EXPLAIN: [&str; 4] = [
    "session_preload_libraries=auto_explain",
    "auto_explain.log_min_duration=0",
    "auto_explain.log_nested_statements=on",
    "auto_explain.log_format=json",
];

/// Copies of what the program wrote, with other ids: two thousand sessions, and a hundred thousand rows of all else.
const FILL: &str = "
    CREATE TABLE n AS SELECT n, (left(gen_random_uuid()::text, 32) || '0000')::uuid AS id
        FROM generate_series(1::bigint, 100000) AS n(n);
    INSERT INTO sessions SELECT n.id, movie || n % 300, room || n % 30, starts_at + n * 60000, price_cents,
            layout, created_at + n, NULL, 1, changed_at, movie_folded || n % 300, room_folded || n % 30
        FROM n, (SELECT * FROM sessions LIMIT 1) AS s WHERE n <= 2000;
    INSERT INTO seats SELECT n.id, no, 'A' || no, 'AVAILABLE', NULL, NULL, 0
        FROM n, generate_series(1, 50) AS no WHERE n <= 2000;
    INSERT INTO reservations SELECT n.id, session_id, seat_nos, 'person ' || n % 5000, total_cents,
            CASE n % 3 WHEN 0 THEN 'EXPIRED' ELSE 'CONFIRMED' END, created_at + n, expires_at + n, 0, 1
        FROM n, (SELECT * FROM reservations LIMIT 1) AS r;
    INSERT INTO sales SELECT n.id, n.id, session_id, 'person ' || n % 5000, total_cents, movie, room,
            starts_at, paid_at + n
        FROM n, (SELECT * FROM sales LIMIT 1) AS s;
    INSERT INTO sale_seats SELECT id, 1, id, 1, NULL FROM n;
    INSERT INTO session_versions SELECT id, 1, 'Ran', 'Sala', 0, 2550 FROM n;
    INSERT INTO session_stats SELECT id, 50, 0, 0, 0 FROM n WHERE n <= 2000;
    INSERT INTO sales_by_hour SELECT n * 3600000, 1, 1, 1 FROM n WHERE n <= 10000;
    INSERT INTO idempotency SELECT 'person ' || n % 5000, n, '', 201, NULL, '', n FROM n;
    INSERT INTO inbox SELECT 'session_stats', id, n FROM n;
    DROP TABLE n;
    VACUUM ANALYZE";

#[tokio::test]
async fn every_statement_finds_its_rows_by_an_index() {
    let server = Arc::new(Postgres::start_with(&EXPLAIN).await);
    let place = Arc::new(Place::on(&server).await);
    place.tamper("SET auto_explain.log_min_duration = -1");
    sell_one(&place).await;
    for statement in FILL.split_inclusive(';') {
        place.tamper(statement);
    }
    let mut found = Plans::new();
    for mode in ["force_custom_plan", "force_generic_plan"] {
        let database = place.sql::<String>("SELECT current_database()");
        place.tamper(&format!("ALTER DATABASE {database} SET plan_cache_mode = {mode}"));
        let before = server.log().len();
        ask_everything(&place).await;
        add_logged(&mut found, &server.log()[before..]);
    }
    let found = text_of(&found);
    assert!(found == include_str!("plans.txt"), "plans.txt would need this text:\n{found}");
}

async fn open(place: &Arc<Place>, hold: Duration) -> TestApp {
    let settings = |config: &mut Config| config.hold_ttl = hold;
    TestApp::try_at(Arc::clone(place), Clock::System, settings).await.expect("it opens")
}

async fn sell_one(place: &Arc<Place>) {
    let app = open(place, HOLD).await;
    let session = app.session().await;
    let held = app.reserve(session.seat("A1"), "ana").await.expect(201).id();
    app.pay(&held).await.expect(201);
    app.settle().await;
    app.stop().await;
}

/// Every command, every query and every background write.
async fn ask_everything(place: &Arc<Place>) {
    let app = open(place, HOLD).await;
    let session = app.session().seats(50).await;
    let cancelled = app.reserve(session.seat("A1"), "ana").await.expect(201).id();
    app.extend(&cancelled).await.expect(200);
    app.cancel(&cancelled).await.expect(204);
    let held = app.reserve_all(&[session.seat("A1"), session.seat("A2")], "ana").key(&session.id);
    held.clone().await.expect(201);
    let held = held.await.expect(201).id();
    let paid = app.pay(&held).key(&held);
    paid.clone().await.expect(201);
    let sale = paid.await.expect(201).id();
    let closed = app.session().await;
    app.patch(&closed.path(), &json!({ "movie": "Ran" })).await.expect(200);
    app.delete(&closed.path()).await.expect(204);
    lapse(place, session.seat("A3")).await;
    for path in [
        format!("/sessions/{}", session.id),
        format!("/seats/{}", session.id),
        format!("/reservations/{held}"),
    ] {
        app.get(&path).await.expect(200);
    }
    lists(&app, &session.id, &held, &sale).await;
    sweeps(&app).await;
    writes(&app).await;
    app.settle().await;
    app.stop().await;
}

/// A hold lapses.
async fn lapse(place: &Arc<Place>, seat: &str) {
    let app = open(place, Duration::from_millis(100)).await;
    let held = app.reserve(seat, "bia").await.expect(201).id();
    let lapsed = async || (app.status(&held).await == "EXPIRED").then_some(());
    wait_for("the hold lapses", lapsed).await;
    app.settle().await;
    app.stop().await;
}

async fn lists(app: &TestApp, session: &str, reservation: &str, sale: &str) {
    for (path, last) in [
        ("/sessions?limit=20", session),
        ("/sessions?movie=7&limit=20", session),
        ("/sessions?room=7&limit=20", session),
        ("/sessions?from=2026-12-01&to=2026-12-01&limit=20", session),
        ("/reservations/user/ana?limit=20", reservation),
        ("/sales/history/ana?limit=20", sale),
    ] {
        app.get(path).await.expect(200);
        app.get(&format!("{path}&after={last}")).await.expect(200);
    }
}

/// The queries that each instance repeats.
async fn sweeps(app: &TestApp) {
    let store = &app.engine().store;
    store.overdue(HOLD, 100).await.expect("overdue holds");
    store.outbox(100, Duration::ZERO).await.expect("the outbox");
    store.outbox(100, HOLD).await.expect("what others left of it");
    store.backlog().await.expect("the backlog");
}

async fn writes(app: &TestApp) {
    let write = async |write| app.engine().ledger.write(write).await.expect("it is done");
    for kind in [Purgeable::Answers, Purgeable::Reservations, Purgeable::Inbox] {
        write(BackgroundWrite::Purge { kind, before: Timestamp::from_millis(1), lot: 10 }).await;
    }
    // As behind a broker.
    for projection in Projection::ALL {
        let effects = projection::effects(*projection, []);
        write(BackgroundWrite::Project { projection: *projection, effects, synced: false }).await;
    }
}

/// Each statement, and the scans by which it finds rows.
type Plans = BTreeMap<String, BTreeSet<String>>;

/// Adds the plans in a log of the server's.
fn add_logged(plans: &mut Plans, log: &str) {
    for entry in log.split(" plan:\n").skip(1) {
        let plan: String = entry.lines().take_while(|line| line.starts_with('\t')).collect();
        let plan: Value = serde_json::from_str(&plan).expect("a plan in JSON");
        let mut scans = BTreeSet::new();
        add_scans(&mut scans, &plan["Plan"], None);
        if !scans.is_empty() {
            let text = plan["Query Text"].as_str().expect("a statement");
            let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
            plans.entry(text).or_default().append(&mut scans);
        }
    }
}

/// Adds the scans of the program's tables in a step of a plan and in those below it.
fn add_scans(scans: &mut BTreeSet<String>, step: &Value, above: Option<&str>) {
    let table = step["Relation Name"].as_str().or(above);
    let scan = match (step["Index Name"].as_str(), step["Node Type"].as_str()) {
        (Some(index), _) => Some(format!("by {index}")),
        (_, Some("Seq Scan")) => Some("every row".to_owned()),
        _ => None,
    };
    if let (Some(table), Some(scan)) = (table.filter(|it| !it.starts_with("pg_")), scan) {
        scans.insert(format!("{table}: {scan}"));
    }
    for step in step["Plans"].as_array().into_iter().flatten() {
        add_scans(scans, step, table);
    }
}

fn text_of(plans: &Plans) -> String {
    let mut text = String::new();
    for (statement, scans) in plans {
        text.extend([statement, "\n"]);
        text.extend(scans.iter().map(|scan| format!("    {scan}\n")));
        text.push('\n');
    }
    text
}
