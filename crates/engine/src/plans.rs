//! The plan of every statement that SQLite is asked, over tables of a hundred thousand rows that were analysed:
//! each finds its rows by the index that it was written for.
//!
//! `plans.txt` has each statement and, under it, how its rows are found. A statement that is new, or is found
//! another way, fails the test, which prints what the file would have to be.

use std::sync::Arc;
use std::time::Duration;

use poltrona_domain::{
    Actor, Cents, Command, Layout, Precondition, ReservationId, SeatNo, SeatSelection, Session,
    SessionChange, SessionId, Timestamp, UserId,
};
use rusqlite::Connection;
use tokio::runtime::Builder;

use crate::env::clock::pause;
use crate::ledger::{Key, Reply, Request};
use crate::projection;
use crate::store::answer::{KeyScope, RecordedAnswer};
use crate::store::background::{BackgroundWrite, Projection, Purgeable};
use crate::store::query::{Page, SessionFilter};
use crate::store::sqlite::traced;
use crate::store::{self, Location};
use crate::{Engine, Env, Options, Running};

const START: Timestamp = Timestamp::from_millis(1_795_514_400_000);
const HOLD: Duration = Duration::from_secs(30);
const SEATS: u16 = 50;
/// Copies of what an engine wrote, with other ids: two thousand sessions, and a hundred thousand rows of all else.
const FILL: &str = "
    CREATE TEMP TABLE n AS WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 100000)
        SELECT n, CAST(substr(hex(randomblob(14)), 1, 28) AS TEXT) AS id FROM n;
    INSERT INTO sessions SELECT unhex(substr(n.id, 1, 28) || '0000'), movie || n % 300, room || n % 30,
            starts_at + n * 60000, price_cents, layout, created_at + n, NULL, 1, changed_at,
            movie_folded || n % 300, room_folded || n % 30
        FROM n, (SELECT * FROM sessions LIMIT 1) WHERE n <= 2000;
    INSERT INTO seats SELECT s.id, n.n, 'A' || n.n, 'AVAILABLE', NULL, NULL, 0
        FROM (SELECT id FROM sessions ORDER BY created_at DESC LIMIT 2000) s, n WHERE n.n <= 50;
    INSERT INTO reservations SELECT unhex(n.id || '0001'), session_id, seat_nos, 'person ' || n % 5000,
            total_cents, CASE n % 3 WHEN 0 THEN 'EXPIRED' ELSE 'CONFIRMED' END, created_at + n,
            expires_at + n, 0, 1
        FROM n, (SELECT * FROM reservations LIMIT 1);
    INSERT INTO sales SELECT unhex(n.id || '0002'), unhex(n.id || '0001'), session_id, 'person ' || n % 5000,
            total_cents, movie, room, starts_at, paid_at + n
        FROM n, (SELECT * FROM sales LIMIT 1);
    INSERT INTO sale_seats SELECT unhex(n.id || '0000'), 1, unhex(n.id || '0002'), 1, NULL FROM n;
    INSERT INTO session_stats SELECT id, 50, 0, 0, 0 FROM sessions
        WHERE id NOT IN (SELECT session_id FROM session_stats);
    INSERT INTO sales_by_hour SELECT n * 3600000, 1, 1, 1 FROM n WHERE n <= 10000;
    INSERT INTO idempotency SELECT 'person ' || n % 5000, n.id, zeroblob(32), 201, NULL, x'7b7d', n
        FROM n;
    INSERT INTO inbox SELECT 'session_stats', unhex(n.id || '0003'), n FROM n;
    ANALYZE";

#[test]
fn every_statement_finds_its_rows_by_an_index() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("poltrona.db");
    let runtime = Builder::new_current_thread().enable_all().start_paused(true).build();
    runtime.expect("a runtime").block_on(async {
        let running = open(folder.path()).await;
        let session = sell_one(&running.engine).await;
        running.stop().await;
        Connection::open(&file).expect("the file").execute_batch(FILL).expect("rows");
        let running = open(folder.path()).await;
        ask_everything(&running.engine, session).await;
        running.stop().await;
    });
    let found = plans(&file);
    let expected = include_str!("plans.txt");
    assert!(found == expected, "plans.txt would have to be:\n{found}");
}

async fn open(folder: &std::path::Path) -> Running {
    let options = Options::default_for_tests(HOLD).expect("metrics");
    let (location, env) = (Location::Folder(folder.to_owned()), Env::simulated(START, 7));
    Running::open(&location, options, env).await.expect("it opens")
}

/// A session, of which a seat is sold.
async fn sell_one(engine: &Engine) -> SessionId {
    let session = film(engine);
    let id = session.id;
    done(engine, Command::OpenSession(session)).await;
    let reservation = hold(engine, id, 1).await;
    done(engine, Command::Confirm { reservation, sale: engine.env.ids.sale() }).await;
    pause(Duration::from_secs(1)).await;
    id
}

/// Every command, every query and every background write.
async fn ask_everything(engine: &Engine, session: SessionId) {
    traced::forget();
    let sold = hold(engine, session, 2).await;
    done(engine, Command::Confirm { reservation: sold, sale: engine.env.ids.sale() }).await;
    let cancelled = hold(engine, session, 3).await;
    done(engine, Command::Extend { reservation: cancelled, hold: HOLD }).await;
    done(engine, Command::Cancel { reservation: cancelled }).await;
    hold(engine, session, 4).await;
    keyed(engine, session).await;
    let closed = film(engine);
    let only_if = || Precondition::default();
    done(engine, Command::OpenSession(closed.clone())).await;
    let change = SessionChange { movie: Some("Ran".to_owned()), ..SessionChange::default() };
    done(engine, Command::UpdateSession { session: closed.id, change, only_if: only_if() }).await;
    done(engine, Command::CloseSession { session: closed.id, only_if: only_if() }).await;
    pause(HOLD * 2).await;
    queries(engine, session, sold).await;
    writes(engine).await;
}

async fn queries(engine: &Engine, session: SessionId, reservation: ReservationId) {
    let (store, anyone) = (&engine.store, Actor::Anyone);
    let page = |after| Page { limit: 20, after };
    let films = store.sessions(SessionFilter::default(), page(None)).await.expect("a list");
    let last = films.and_then(|films| films.last().map(|it| *it.id.as_uuid()));
    for filter in [
        SessionFilter::default(),
        SessionFilter { movie: Some("7".to_owned()), ..SessionFilter::default() },
        SessionFilter { room: Some("7".to_owned()), ..SessionFilter::default() },
        SessionFilter { from: Some(START), to: Some(START.plus(HOLD)), ..SessionFilter::default() },
    ] {
        store.sessions(filter.clone(), page(None)).await.expect("a list");
        store.sessions(filter, page(last)).await.expect("a list");
    }
    store.session(session).await.expect("a session");
    store.room(session, None).await.expect("a room");
    store.reservation(&anyone, reservation).await.expect("a reservation");
    let user = UserId::new("person 7");
    let mine = store.reservations_of(&anyone, user.clone(), page(None)).await.expect("a list");
    let last = mine.rows.and_then(|rows| rows.last().map(|it| *it.id.as_uuid()));
    store.reservations_of(&anyone, user.clone(), page(last)).await.expect("a list");
    let mine = store.sales_of(&anyone, user.clone(), page(None)).await.expect("a list");
    let last = mine.and_then(|rows| rows.last().map(|it| *it.id.as_uuid()));
    store.sales_of(&anyone, user, page(last)).await.expect("a list");
    store.overdue(HOLD, 100).await.expect("overdue holds");
    store.outbox(100, HOLD).await.expect("the outbox");
    store.backlog().await.expect("the backlog");
}

async fn writes(engine: &Engine) {
    for kind in [Purgeable::Answers, Purgeable::Reservations, Purgeable::Inbox] {
        let write = BackgroundWrite::Purge { kind, before: Timestamp::from_millis(1), lot: 10 };
        engine.ledger.write(write).await.expect("it is done");
    }
    for projection in Projection::ALL {
        let effects = projection::effects(*projection, []);
        let write = BackgroundWrite::Project { projection: *projection, effects, synced: false };
        engine.ledger.write(write).await.expect("it is done");
    }
}

async fn hold(engine: &Engine, session: SessionId, no: u16) -> ReservationId {
    let reservation = engine.env.ids.reservation();
    done(engine, reserve(reservation, session, no)).await;
    reservation
}

fn reserve(reservation: ReservationId, session: SessionId, no: u16) -> Command {
    let seats = vec![session.seat(SeatNo::new(no).expect("a seat"))];
    let seats = SeatSelection::new(seats).expect("one seat");
    Command::Reserve { reservation, seats, user: UserId::new("ana"), hold: HOLD }
}

async fn done(engine: &Engine, command: Command) {
    ask(engine, command, None).await.expect("it is done");
}

/// A request with a key of its own, sent twice.
async fn keyed(engine: &Engine, session: SessionId) {
    let key = || Key {
        scope: KeyScope::Named("ana".to_owned()),
        key: "1".to_owned(),
        fingerprint: [0; 32],
        record: Arc::new(|_| RecordedAnswer {
            status: 201,
            location: None,
            body: b"{}".as_slice().into(),
        }),
    };
    let command = reserve(engine.env.ids.reservation(), session, 5);
    for _ in 0..2 {
        ask(engine, command.clone(), Some(key())).await.expect("it is done");
    }
}

async fn ask(engine: &Engine, command: Command, key: Option<Key>) -> Reply {
    engine.submit(Request { actor: Actor::Anyone, command, key }).await
}

fn film(engine: &Engine) -> Session {
    Session {
        id: engine.env.ids.session(),
        movie: "Central do Brasil".to_owned(),
        room: "Sala".to_owned(),
        starts_at: START.plus(HOLD),
        price: Cents::new(2_550),
        layout: Layout::new(SEATS).expect("a layout"),
        version: Session::FIRST_VERSION,
        changed_at: START,
        created_at: START,
        closed_at: None,
    }
}

/// The statements that this thread has run, and the plan of each.
fn plans(file: &std::path::Path) -> String {
    let db = store::sqlite::connect(file).expect("the file");
    let mut text = String::new();
    for sql in traced::statements() {
        let mut plan = db.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).expect("a plan");
        let steps = plan.raw_query().mapped(|row| row.get::<_, String>(3));
        let steps: Vec<_> = steps.map(|step| format!("    {}\n", step.expect("a step"))).collect();
        text.extend([sql.as_str(), "\n", &steps.concat(), "\n"]);
    }
    text
}
