//! Two versions on one database, while it is migrated from the one's schema to the other's: the old
//! one sells while tables grow, and refuses a schema that it can no longer use.

use std::sync::Arc;
use std::time::Duration;

use poltrona_engine::env::clock::Clock;
use poltrona_engine::store::migrations::{Error, MIGRATIONS, Migration, WHO_USES_TABLES};
use poltrona_engine::store::postgres::{Target, migrate};
use poltrona_testkit::app::{Session, TestApp};
use poltrona_testkit::place::Place;

/// Longer than any of it takes.
const PATIENT: Duration = Duration::from_mins(10);

/// Tries to apply the next version's steps after ours; returns the last that was applied.
async fn try_for(time: Duration, place: &Place, next: &[Migration]) -> Result<Option<i64>, Error> {
    let target = Target::parse(place.config().postgres().expect("a server")).expect("a URL");
    let mut client = target.connect().await.expect("a connection");
    let steps = [MIGRATIONS, next].concat();
    let applied = migrate::apply(&mut client, &steps, time).await?;
    Ok(applied.last().map(|step| step.version))
}

/// Applies it.
async fn migrate(place: &Place, next: Vec<Migration>) {
    let applied = try_for(PATIENT, place, &next).await.expect("it is applied");
    assert_eq!(applied, next.last().map(|step| step.version));
}

/// The steps after ours.
fn steps(oldest: i64, first: i64, texts: &[&'static str]) -> Vec<Migration> {
    let step = |(version, postgres): (i64, &&'static str)| Migration {
        version,
        name: "next",
        oldest,
        sqlite: "",
        postgres,
    };
    (first..).zip(texts).map(step).collect()
}

/// Adds a column to every table that a batch reads or writes, each in a step of its own (two in one
/// step and batches could block each other), and objects that an old program need not know.
fn expanding() -> Vec<Migration> {
    let oldest = MIGRATIONS.last().expect("a step").oldest;
    let texts = [
        "ALTER TABLE sessions ADD COLUMN rating text NOT NULL DEFAULT 'L'",
        "ALTER TABLE seats ADD COLUMN wide boolean NOT NULL DEFAULT false",
        "ALTER TABLE reservations ADD COLUMN note text",
        "ALTER TABLE sales ADD COLUMN note text",
        "ALTER TABLE sale_seats ADD COLUMN note text",
        "ALTER TABLE outbox ADD COLUMN note text",
        "ALTER TABLE session_stats ADD COLUMN note text",
        "CREATE INDEX sessions_by_rating ON sessions (rating)",
        "CREATE TABLE ratings (name text PRIMARY KEY)",
    ];
    steps(oldest, newest() + 1, &texts)
}

/// Removes a column and a table that the expanding version no longer uses.
fn contracting() -> Vec<Migration> {
    let expanded = expanding().last().expect("a step").version;
    let texts = ["ALTER TABLE sessions DROP COLUMN rating", "DROP TABLE ratings"];
    [expanding(), steps(expanded, expanded + 1, &texts)].concat()
}

fn newest() -> i64 {
    MIGRATIONS.last().expect("a step").version
}

/// Buys each of these seats.
async fn buy(app: &TestApp, session: &Session, seats: std::ops::Range<usize>) {
    for seat in seats {
        let held = app.reserve(session.all_seats()[seat], "ana").await.expect(201).id();
        app.pay(&held).await.expect(201);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_version_sells_beside_an_expanded_schema_and_refuses_a_contracted_one() {
    let place = Arc::new(Place::server().await);
    let open = || TestApp::try_at(Arc::clone(&place), Clock::System, |_| {});
    let old = open().await.expect("it opens");
    let session = old.session().seats(100).await;
    buy(&old, &session, 0..10).await;
    // Its statements are prepared, and its batches under way.
    tokio::join!(buy(&old, &session, 10..60), migrate(&place, expanding()));
    let restarted = open().await.expect("an old version may restart in the middle of it");
    tokio::join!(buy(&old, &session, 60..80), buy(&restarted, &session, 80..100));
    assert_eq!(place.sql::<i64>("SELECT count(*) FROM sales"), 100);
    assert_eq!(place.sql::<i64>("SELECT count(*) FROM seats WHERE status = 'SOLD'"), 100);

    migrate(&place, contracting()).await;
    let refused = open().await.err().expect("it is refused");
    let message = format!("{refused:#}");
    let (found, known) = (contracting().last().expect("a step").version, newest());
    assert!(
        message.contains(&format!("schema {found}, this program knows up to {known}")),
        "{message}"
    );
}

#[tokio::test]
async fn a_migration_that_waits_for_a_table_in_use_keeps_no_buyer_from_it() {
    let place = Arc::new(Place::server().await);
    let app = TestApp::try_at(Arc::clone(&place), Clock::System, |_| {}).await.expect("it opens");
    let session = app.session().await;
    // Somebody's report, in a transaction that stays open.
    let report = place.keep_locked("SELECT count(*) FROM seats").await;
    let selling = async {
        place.wait_for_waiting(1).await;
        buy(&app, &session, 0..3).await;
        report.end();
    };
    tokio::join!(migrate(&place, widening()), selling);
    buy(&app, &session, 3..6).await;
    assert_eq!(place.sql::<i64>("SELECT count(*) FROM seats WHERE status = 'SOLD'"), 6);
}

#[tokio::test]
async fn a_migration_that_cannot_get_its_table_says_who_uses_it_and_leaves_nothing() {
    let place = Arc::new(Place::server().await);
    let app = TestApp::try_at(Arc::clone(&place), Clock::System, |_| {}).await.expect("it opens");
    app.settle().await;
    let report = place.keep_locked("SELECT count(*) FROM seats").await;
    let refused = try_for(Duration::ZERO, &place, &widening()).await.expect_err("it is in use");
    let message = refused.to_string();
    let expected = format!("migration {} (next) did not get its table", newest() + 1);
    assert!(message.starts_with(&expected) && message.ends_with(WHO_USES_TABLES), "{message}");
    let using =
        format!("SELECT count(DISTINCT pid) FROM ({WHO_USES_TABLES}) AS u (pid, who, what)");
    assert!(place.sql::<i64>(&format!("{using} WHERE what = 'seats'::regclass")) > 0);
    report.end();
    migrate(&place, widening()).await;
}

/// One step that wants the table of seats.
fn widening() -> Vec<Migration> {
    let oldest = MIGRATIONS.last().expect("a step").oldest;
    steps(oldest, newest() + 1, &["ALTER TABLE seats ADD COLUMN wide boolean"])
}
