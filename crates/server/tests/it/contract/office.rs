//! A box office over one store, as far down as the ledger: nothing runs beside it, so that a story
//! alone says what happens when.

use std::collections::BTreeMap;
use std::fmt::{self, Display};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use poltrona_domain::{Command, ReservationId, Timestamp, UserId};
use poltrona_engine::bus::Message;
use poltrona_engine::clock::Clock;
use poltrona_engine::ledger::{Chores, Key, Ledger, Listeners, Outcome, Settings, Workers};
use poltrona_engine::observe::metrics::Metrics;
use poltrona_engine::read_models;
use poltrona_engine::relay::News;
use poltrona_engine::seat_lock::SeatLock;
use poltrona_engine::store::chore::{Chore, Consumer, Old};
use poltrona_engine::store::postgres::{self, Target};
use poltrona_engine::store::query::{Page, SessionFilter};
use poltrona_engine::store::{Readers, Writer, sqlite};
use poltrona_testkit::place::{Place, TABLES};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::model::session_id;
use super::moves::{Answered, Expected, Move};
use super::story;
use super::tables::{self, Rows};

/// How many rows leave at a time; more than any story makes.
const LOT: u16 = 10_000;

pub(super) struct Office {
    place: Place,
    clock: Clock,
    ledger: Ledger,
    readers: Readers,
    workers: Workers,
}

impl Office {
    pub(super) async fn open(place: Place) -> Self {
        let clock = Clock::manual(Timestamp::from_millis(0));
        let config = place.config();
        let (writer, readers, chores) = if let Some(url) = config.postgres() {
            let target = Target::parse(url).expect("a URL");
            let options =
                postgres::Options { workers: 1, read_connections: 2, run_migrations: true };
            let opened = postgres::open(&target, options, &clock).await.expect("it opens");
            let writer = opened.writers.into_iter().next().expect("a writer");
            let chores = Chores::Pool(opened.pool);
            (Writer::Postgres(writer), Readers::Postgres(opened.readers), chores)
        } else {
            let file = sqlite::folder::database_in(&config.data_dir);
            let (writer, readers) = sqlite::open(&file, 2, &clock).expect("it opens");
            (Writer::Sqlite(writer), Readers::Sqlite(readers), Chores::Worker)
        };
        let settings = Settings {
            batch_max: 256,
            queue_depth: 512,
            patience: Duration::from_mins(1),
            seat_lock: SeatLock::Off,
        };
        let listeners = Listeners {
            metrics: Arc::new(Metrics::new().expect("metrics")),
            expiry: None,
            news: News::bell(),
            fatal: CancellationToken::new(),
        };
        let started = Ledger::start(vec![writer], chores, &settings, listeners);
        let (ledger, workers) = started.expect("a thread");
        Self { place, clock, ledger, readers, workers }
    }

    /// Empties every table.
    pub(super) fn clear(&self) {
        let deletes = TABLES.iter().map(|table| format!("DELETE FROM {table};"));
        self.place.tamper(&deletes.collect::<String>());
    }

    /// Stops the worker.
    pub(super) async fn close(self) {
        self.ledger.close();
        self.workers.join().await;
    }

    /// Plays one move at `now`.
    pub(super) async fn play(&self, expected: &Expected, now: Timestamp) -> Vec<Answered> {
        if let Clock::Manual(hand) = &self.clock {
            hand.send_replace(now);
        }
        match &expected.next {
            Move::Batch { people, expire } => return self.batch(people, expire).await,
            Move::Deliver { rows, twice, strike } => self.deliver(*rows, *twice, *strike).await,
            Move::Forget { before } => self.forget(*before).await,
            Move::Wait => {}
        }
        Vec::new()
    }

    /// Asks for all of them before any is decided.
    async fn batch(&self, people: &[(Command, Option<Key>)], expire: &[Command]) -> Vec<Answered> {
        let hold = self.ledger.hold();
        let asked =
            people.iter().map(|(command, key)| self.ledger.submit(command.clone(), key.clone()));
        // Each is in the queue once it was polled, which is in the order written here.
        let (answers, lapsed, ()) =
            futures_util::join!(join_all(asked), self.ledger.expire(expire.to_vec()), async {
                drop(hold);
            },);
        let answered = |reply| match reply {
            Ok(Outcome::Done(events)) => Answered::Done(events),
            Ok(Outcome::Replayed(answer)) => Answered::Replayed(answer),
            Err(error) => Answered::No(error),
        };
        answers.into_iter().chain(lapsed).map(answered).collect()
    }

    async fn deliver(&self, count: usize, twice: bool, strike: Option<bool>) {
        let rows = self.readers.outbox(count, Duration::ZERO).await.expect("the outbox");
        let messages: Vec<_> =
            rows.into_iter().map(|row| Message::read(row).expect("events")).collect();
        for consumer in Consumer::ALL {
            let mut effects = read_models::effects(*consumer, &messages);
            if twice {
                effects.extend(effects.clone());
            }
            let chore = Chore::Follow { consumer: *consumer, effects, synced: twice };
            self.ledger.write(chore).await.expect("it is taken");
        }
        if let Some(with_inbox) = strike {
            let rows: Vec<_> = messages.iter().map(|message| message.id).collect();
            let count = rows.len();
            let struck = self.ledger.write(Chore::Strike { rows, with_inbox }).await;
            assert_eq!(struck, Ok(count));
        }
    }

    async fn forget(&self, before: Timestamp) {
        for kind in [Old::Answers, Old::Reservations, Old::Inbox] {
            let chore = Chore::Forget { kind, before, lot: LOT };
            self.ledger.write(chore).await.expect("it is done");
        }
    }

    /// Every row of every table.
    pub(super) fn tables(&self) -> BTreeMap<&'static str, Rows> {
        tables::all(&self.place)
    }

    /// What people would be shown, page by page.
    pub(super) async fn reads(&self) -> BTreeMap<String, String> {
        let (readers, mut found) = (&self.readers, BTreeMap::new());
        for session in (0..5).map(session_id) {
            let room = readers.room(session).await.expect("a room").rows;
            found.insert(format!("room {session}"), format!("{room:?}"));
            let session = readers.session(session).await.expect("a session");
            found.insert(format!("session {session:?}"), String::new());
        }
        for user in (0..5).map(story::name).map(UserId::new) {
            let mut after = None;
            for number in 0.. {
                let page = Page { limit: 3, after };
                let list = readers.reservations_of(user.clone(), page).await.expect("a list").rows;
                let end = list.as_ref().and_then(|list| list.last()).map(|it| *it.id.as_uuid());
                found.insert(format!("{} page {number}", user.as_str()), format!("{list:?}"));
                after = end;
                if end.is_none() {
                    break;
                }
            }
            let sales = readers.sales_of(user.clone(), Page { limit: 1_000, after: None }).await;
            found
                .insert(format!("{} sales", user.as_str()), format!("{:?}", sales.expect("sales")));
        }
        for part in ["ação", "o'hara \\", "100%_", "été", "room 1"] {
            let filter = SessionFilter { movie: Some(part.to_owned()), ..SessionFilter::default() };
            let list = readers.sessions(filter, Page { limit: 10, after: None }).await;
            found.insert(format!("sessions {part}"), format!("{:?}", list.expect("a list")));
        }
        let first = (Timestamp::from_millis(i64::MIN), ReservationId::from_uuid(Uuid::nil()));
        let pending = readers.pending(first, 1_000).await.expect("what is pending");
        found.insert("pending".to_owned(), format!("{pending:?}"));
        found
    }
}

impl Display for Office {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(if matches!(self.readers, Readers::Sqlite(_)) {
            "SQLite"
        } else {
            "PostgreSQL"
        })
    }
}
