//! The whole engine on one thread, on a paused clock, with ids from a seed: only the story decides
//! what happens, and in which order.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use poltrona_domain::{
    Actor, Cents, Command, Layout, ReservationId, SeatNo, SeatSelection, Session, SessionId,
    Timestamp, UserId,
};
use poltrona_engine::env::clock::pause;
use poltrona_engine::ledger::Request;
use poltrona_engine::observe::metrics::{Metrics, Readings};
use poltrona_engine::store::{Location, Store};
use poltrona_engine::{Engine, Env, Options, Running};
use rusqlite::Connection;
use tokio::runtime::Builder;
use tokio_util::task::TaskTracker;

/// The database file in its folder.
const DATABASE: &str = "poltrona.db";
const START: Timestamp = Timestamp::from_millis(1_795_514_400_000);
const HOLD: Duration = Duration::from_secs(30);
/// How many people there are, and how many requests each of them makes.
const PEOPLE: u64 = 20;
const ASKS: u64 = 25;

/// A row of the outbox.
type Row = (Vec<u8>, i64, String);

fn options() -> Options {
    Options::default_for_tests(HOLD).expect("metrics")
}

/// Runs a story on one thread and a paused clock, over a database in `folder`.
fn simulate<T>(
    folder: &Path,
    seed: u64,
    options: Options,
    story: impl AsyncFnOnce(&Engine) -> T,
) -> T {
    let mut runtime = Builder::new_current_thread();
    let runtime = runtime.enable_all().start_paused(true).build().expect("a runtime");
    runtime.block_on(async {
        let env = Env::simulated(START, seed);
        let location = Location::Folder(folder.to_owned());
        let opened = Store::open(&location, options.store, &env).await.expect("it opens");
        record_outbox(&folder.join(DATABASE));
        let running = Running::start(opened, options, env).expect("it starts");
        let result = story(&running.engine).await;
        running.stop().await;
        result
    })
}

/// Keeps every row that is ever in the outbox, for the relay deletes them.
fn record_outbox(file: &Path) {
    let recording = "CREATE TABLE recorded (id, created_at, events);
        CREATE TRIGGER recording AFTER INSERT ON outbox
        BEGIN INSERT INTO recorded VALUES (new.id, new.created_at, new.events); END";
    Connection::open(file).expect("the file").execute_batch(recording).expect("a trigger");
}

fn recorded(file: &Path) -> Vec<Row> {
    let file = Connection::open(file).expect("the file");
    let mut rows = file.prepare("SELECT id, created_at, events FROM recorded ORDER BY rowid");
    let rows = rows
        .as_mut()
        .expect("the table")
        .query_map((), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
    rows.expect("rows").collect::<Result<_, _>>().expect("rows")
}

/// Plays a story, whose people act by `story`, with ids from `seed`. Returns all rows of the
/// outbox, the sold seats of the projection, and the length of the story by its own clock.
fn play(story: u64, seed: u64) -> (Vec<Row>, i64, i64) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join(DATABASE);
    let lasted = simulate(folder.path(), seed, options(), async |engine: &Engine| {
        let session = open_session(engine).await;
        let people = TaskTracker::new();
        for person in 0..PEOPLE {
            people.spawn(act(engine.clone(), session, person, story));
        }
        people.close();
        people.wait().await;
        // All that is still held lapses, and is announced.
        pause(HOLD * 2).await;
        START.until(engine.env.clock.now())
    });
    let delivered = Connection::open(&file)
        .and_then(|file| file.query_row("SELECT sold FROM session_stats", (), |row| row.get(0)));
    let lasted = i64::try_from(lasted.as_millis()).expect("a moment");
    (recorded(&file), delivered.expect("a projection"), lasted)
}

async fn open_session(engine: &Engine) -> SessionId {
    let id = engine.env.ids.session();
    let session = Session {
        id,
        movie: "Ação".to_owned(),
        room: "Sala 1".to_owned(),
        starts_at: START,
        price: Cents::new(2_550),
        layout: Layout::new(48).expect("a layout"),
        version: Session::FIRST_VERSION,
        changed_at: START,
        created_at: START,
        closed_at: None,
    };
    ask(engine, Command::OpenSession(session)).await;
    id
}

/// A person who reserves, and then pays, extends, cancels or does nothing.
async fn act(engine: Engine, session: SessionId, person: u64, story: u64) {
    let mut dice = story.wrapping_mul(1_000_003).wrapping_add(person);
    let mut roll = |sides: u64| {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (dice >> 33) % sides
    };
    for _ in 0..ASKS {
        pause(Duration::from_millis(roll(2_000))).await;
        let reservation = engine.env.ids.reservation();
        let no = u16::try_from(1 + roll(48)).ok().and_then(SeatNo::new).expect("a seat");
        let seats = SeatSelection::new(vec![session.seat(no)]).expect("one seat");
        let user = UserId::new(&format!("person {person}"));
        if !ask(&engine, Command::Reserve { reservation, seats, user, hold: HOLD }).await {
            continue;
        }
        pause(Duration::from_millis(roll(3_000))).await;
        if let Some(command) = next(&engine, reservation, roll(6)) {
            ask(&engine, command).await;
        }
    }
}

fn next(engine: &Engine, reservation: ReservationId, rolled: u64) -> Option<Command> {
    match rolled {
        0 => Some(Command::Confirm { reservation, sale: engine.env.ids.sale() }),
        1 | 2 => Some(Command::Cancel { reservation }),
        3 => Some(Command::Extend { reservation, hold: HOLD }),
        _ => None,
    }
}

/// Whether the command was done.
async fn ask(engine: &Engine, command: Command) -> bool {
    engine.submit(Request { actor: Actor::Anyone, command, key: None }).await.is_ok()
}

#[test]
fn the_same_story_leaves_the_same_rows_byte_for_byte() {
    let (rows, sold, lasted) = play(1, 7);
    assert_eq!(play(1, 7), (rows.clone(), sold, lasted));
    // The story has an event of every kind, and time passes.
    let events: String = rows.iter().map(|row| row.2.as_str()).collect();
    for kind in [
        "reservation.created",
        "reservation.extended",
        "reservation.cancelled",
        "reservation.expired",
        "payment.confirmed",
        "seat.released",
    ] {
        assert!(events.contains(kind), "{kind}");
    }
    assert!(rows.len() > 100 && sold > 5, "{} rows, {sold} seats sold", rows.len());
    assert!(lasted > 60_000, "{lasted} ms");
    // Another seed changes ids, and another story what happens.
    let (other_ids, same_sold, _) = play(1, 8);
    assert_ne!(other_ids, rows);
    assert_eq!((other_ids.len(), same_sold), (rows.len(), sold));
    assert_ne!(play(2, 7).0.len(), 0);
    assert_ne!(play(2, 7).0, rows);
}

/// So many holds at once, each a commit of its own, that each follower of the feed misses most of
/// them: on one thread none gets a turn before all are committed.
#[test]
fn followers_that_miss_commits_catch_up() {
    let folder = tempfile::tempdir().expect("a folder");
    let metrics = Arc::new(Metrics::new().expect("metrics"));
    let mut options = Options { feed_commits: 2, metrics: Arc::clone(&metrics), ..options() };
    options.ledger.batch_max = 1;
    simulate(folder.path(), 7, options, async |engine: &Engine| {
        let session = open_session(engine).await;
        let together = engine.ledger.pause();
        let people = TaskTracker::new();
        for no in 1..=48 {
            people.spawn(hold(engine.clone(), session, no));
        }
        tokio::task::yield_now().await;
        drop(together);
        people.close();
        people.wait().await;
        pause(HOLD * 2).await;
        // The expiry read what it missed: all have lapsed, and each lapse is recorded.
        let lapsed = "SELECT count(*) FROM reservations WHERE status = 'EXPIRED'";
        assert_eq!(count(folder.path(), lapsed), 48);
        // The relay read what it missed: everything is delivered, once.
        assert_eq!(count(folder.path(), "SELECT count(*) FROM outbox"), 0);
        assert_eq!(count(folder.path(), "SELECT held FROM session_stats"), 0);
        let created = "SELECT count(*) FROM recorded WHERE events LIKE '%reservation.created%'";
        assert_eq!(count(folder.path(), created), 48);
    });
    // And the commits that were missed are counted.
    let page = metrics.render(&Readings::default());
    let value = |name: &str| {
        let line = page.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
        line.unwrap_or_else(|| panic!("{name} in {page}"))
    };
    let missed: f64 = value("poltrona_feed_missed_total ");
    assert!(missed > 100.0, "three followers, each behind by most of 48: {missed}");
}

async fn hold(engine: Engine, session: SessionId, no: u16) {
    let seat = session.seat(SeatNo::new(no).expect("a seat"));
    let (reservation, user) = (engine.env.ids.reservation(), UserId::new("ana"));
    let seats = SeatSelection::new(vec![seat]).expect("one seat");
    assert!(ask(&engine, Command::Reserve { reservation, seats, user, hold: HOLD }).await);
}

fn count(folder: &Path, query: &str) -> i64 {
    let file = Connection::open(folder.join(DATABASE)).expect("the file");
    file.query_row(query, (), |row| row.get(0)).expect("a number")
}
