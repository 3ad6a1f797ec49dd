//! A box office over one store, up to the ledger: nothing runs beside it, so that a story alone
//! decides what happens when.

use std::collections::BTreeMap;
use std::fmt::{self, Display};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use poltrona::app::options;
use poltrona_domain::{Actor, Command, ReservationId, Timestamp, UserId};
use poltrona_engine::Env;
use poltrona_engine::env::clock::Clock;
use poltrona_engine::event::EventBatch;
use poltrona_engine::ledger::{Feed, Key, Ledger, Outcome, Parts, Request, Settings, Workers};
use poltrona_engine::observe::metrics::Metrics;
use poltrona_engine::projection;
use poltrona_engine::store::background::{BackgroundWrite, Projection, Purgeable};
use poltrona_engine::store::query::{Page, SessionFilter};
use poltrona_engine::store::{Opened, Options, Store};
use poltrona_engine::tls::Tls;
use poltrona_testkit::place::{Place, TABLES};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::model::session_id;
use super::moves::{Answered, Expected, Move};
use super::story;
use super::tables::{self, Rows};

/// How many rows are delivered at a time; more than any story makes.
const LOT: u16 = 10_000;

pub(super) struct Office {
    place: Place,
    clock: Clock,
    ledger: Ledger,
    store: Store,
    workers: Workers,
}

impl Office {
    pub(super) async fn open(place: Place) -> Self {
        let clock = Clock::manual(Timestamp::from_millis(0));
        let env = Env::on(clock.clone());
        let location = options::location(&place.config(), &Tls::system()).expect("a place");
        let options = Options { workers: 1, read_connections: 2, run_migrations: true };
        let opened = Store::open(&location, options, &env).await.expect("it opens");
        let Opened { store, writers, folder: _ } = opened;
        let parts = Parts {
            env,
            store: store.clone(),
            writers,
            metrics: Arc::new(Metrics::new().expect("metrics")),
            feed: Feed::new(),
            stamps: None,
            fatal: CancellationToken::new(),
        };
        let settings =
            Settings { batch_max: 256, queue_depth: 512, patience: Duration::from_mins(1) };
        let (ledger, workers) = Ledger::start(parts, settings).expect("a thread");
        Self { place, clock, ledger, store, workers }
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
        self.clock.set(now);
        match &expected.next {
            Move::Batch { people, expire } => return self.batch(people, expire).await,
            Move::Deliver { rows, twice, strike } => self.deliver(*rows, *twice, *strike).await,
            Move::Forget { before } => self.forget(*before).await,
            Move::Wait => {}
        }
        Vec::new()
    }

    /// Asks for all of them before any is decided.
    async fn batch(
        &self,
        people: &[(Command, Option<Key>)],
        expire: &[ReservationId],
    ) -> Vec<Answered> {
        let pause = self.ledger.pause();
        let asked = people.iter().map(|(command, key)| {
            let (command, key) = (command.clone(), key.clone());
            self.ledger.submit(Request { actor: Actor::Anyone, command, key })
        });
        // Each is in the queue once it was polled, which is in the order written here.
        let (answers, lapsed, ()) =
            futures_util::join!(join_all(asked), self.ledger.expire(expire), async {
                drop(pause);
            },);
        let answered = |reply| match reply {
            Ok(Outcome::Done(events)) => Answered::Done(events.to_vec()),
            Ok(Outcome::Replayed(answer)) => Answered::Replayed(answer),
            Err(error) => Answered::No(error),
        };
        answers.into_iter().chain(lapsed).map(answered).collect()
    }

    async fn deliver(&self, count: usize, twice: bool, strike: Option<bool>) {
        let rows = self.store.outbox(count, Duration::ZERO).await.expect("the outbox");
        let messages: Vec<_> = rows
            .into_iter()
            .map(|row| EventBatch::read(row.id, row.created_at, row.events).expect("events"))
            .collect();
        let effects = |followed: Projection| projection::effects(followed, &messages);
        // Within the process the effects come with the deletion, and behind a broker before it.
        let is_local = strike == Some(true);
        for followed in Projection::ALL.iter().filter(|_| !is_local) {
            let mut effects = effects(*followed);
            if twice {
                effects.extend(effects.clone());
            }
            let write = BackgroundWrite::Project { projection: *followed, effects, synced: twice };
            self.ledger.write(write).await.expect("it is taken");
        }
        if strike.is_some() {
            let rows: Vec<_> = messages.iter().map(|message| message.id).collect();
            let count = rows.len();
            let all = Projection::ALL.iter().filter(|_| is_local);
            let effects = all.flat_map(|it| effects(*it).into_iter().map(|effect| (*it, effect)));
            let effects = effects.collect();
            let struck = self.ledger.write(BackgroundWrite::DeleteOutbox { rows, effects }).await;
            assert_eq!(struck, Ok(count));
        }
    }

    async fn forget(&self, before: Timestamp) {
        for kind in [Purgeable::Answers, Purgeable::Reservations, Purgeable::Inbox] {
            let write = BackgroundWrite::Purge { kind, before, lot: LOT };
            self.ledger.write(write).await.expect("it is done");
        }
    }

    /// Every row of every table.
    pub(super) fn tables(&self) -> BTreeMap<&'static str, Rows> {
        tables::all(&self.place)
    }

    /// The pages that clients would get.
    pub(super) async fn reads(&self) -> BTreeMap<String, String> {
        let (store, mut found) = (&self.store, BTreeMap::new());
        for session in (0..5).map(session_id) {
            let room = store.room(session, None).await.expect("a room").rows;
            let room = room.map(|room| (room.session, room.seats));
            found.insert(format!("room {session}"), format!("{room:?}"));
            let session = store.session(session).await.expect("a session");
            found.insert(format!("session {session:?}"), String::new());
        }
        for user in (0..5).map(story::name).map(UserId::new) {
            let mut after = None;
            for number in 0.. {
                let page = Page { limit: 3, after };
                let list = store
                    .reservations_of(&Actor::Anyone, user.clone(), page)
                    .await
                    .expect("a list")
                    .rows;
                let end = list.as_ref().and_then(|list| list.last()).map(|it| *it.id.as_uuid());
                found.insert(format!("{} page {number}", user.as_str()), format!("{list:?}"));
                after = end;
                if end.is_none() {
                    break;
                }
            }
            let sales = store
                .sales_of(&Actor::Anyone, user.clone(), Page { limit: 1_000, after: None })
                .await;
            found
                .insert(format!("{} sales", user.as_str()), format!("{:?}", sales.expect("sales")));
        }
        for part in ["ação", "o'hara \\", "100%_", "été", "room 1"] {
            let filter = SessionFilter { movie: Some(part.to_owned()), ..SessionFilter::default() };
            let list = store.sessions(filter, Page { limit: 10, after: None }).await;
            found.insert(format!("sessions {part}"), format!("{:?}", list.expect("a list")));
        }
        let first = (Timestamp::from_millis(i64::MIN), ReservationId::from_uuid(Uuid::nil()));
        let pending = store.pending(first, 1_000).await.expect("what is pending");
        found.insert("pending".to_owned(), format!("{pending:?}"));
        found
    }
}

impl Display for Office {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(if self.store.is_shared() { "PostgreSQL" } else { "SQLite" })
    }
}
