//! A batch of 64 commands through the whole engine over SQLite: queue, locks, rules, rows, commit, answers,
//! and the events on their way to the projections. All on one thread and a paused clock.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use poltrona_domain::{
    Actor, Cents, Command, Layout, ReservationId, SeatNo, SeatSelection, Session, Timestamp, UserId,
};
use poltrona_engine::env::clock::pause;
use poltrona_engine::ledger::{self, Key, Reply, Request};
use poltrona_engine::store::Location;
use poltrona_engine::store::answer::{KeyScope, RecordedAnswer};
use poltrona_engine::{Engine, Env, Options, Running};
use tokio::runtime::{Builder, Runtime};

use super::measured;

pub(super) const START: Timestamp = Timestamp::from_millis(1_795_514_400_000);
pub(super) const HOLD: Duration = Duration::from_secs(30);
/// How many commands are decided together.
pub(super) const COMMANDS: usize = 64;
/// How many sessions there are, of which the commands take one each.
const SESSIONS: usize = 256;
const SEATS: u16 = 200;

/// Fresh seats are held.
pub(super) fn reserve() {
    story(async |it| it.warm_up().await, async |it, ()| it.all_done(it.reserve()).await);
}

/// Held seats are asked for by others.
pub(super) fn refuse() {
    story(
        async |it| {
            it.warm_up().await;
            let commands = it.reserve();
            it.all_done(commands.clone()).await;
            commands
        },
        async |it, commands| {
            let replies = it.ask(commands, |_| None).await;
            assert!(replies.iter().all(Result::is_err), "they are taken");
        },
    );
}

/// Held seats are paid.
pub(super) fn confirm() {
    story(
        async |it| {
            it.warm_up().await;
            let commands = it.reserve();
            it.all_done(commands.clone()).await;
            let sale = || it.engine.env.ids.sale();
            let confirm = |id| Command::Confirm { reservation: id, sale: sale() };
            reservations(&commands).map(confirm).collect()
        },
        async |it, confirm| it.all_done(confirm).await,
    );
}

/// Holds lapse, by their timer.
pub(super) fn expire() {
    story(
        async |it| {
            it.warm_up().await;
            it.all_done(it.reserve()).await;
        },
        async |_, ()| pause(HOLD + Duration::from_secs(1)).await,
    );
}

/// Fresh seats are held by requests with idempotency keys, each sent twice.
pub(super) fn retry() {
    story(
        async |it| it.warm_up().await,
        async |it, ()| {
            let commands = it.reserve();
            let key = |place: usize| {
                Some(Key {
                    scope: KeyScope::Named(format!("person {place}")),
                    key: format!("0190-{place}"),
                    fingerprint: [7; 32],
                    record: Arc::new(|_| RecordedAnswer {
                        status: 201,
                        location: None,
                        body: vec![b'x'; 300].into(),
                    }),
                })
            };
            for _ in 0..2 {
                let replies = it.ask(commands.clone(), key).await;
                assert!(replies.iter().all(Result::is_ok), "they are answered");
            }
        },
    );
}

/// An engine with sessions of which nothing is held.
struct Office {
    engine: Engine,
    films: Vec<Session>,
}

impl Office {
    /// Holds one seat of every session, so that statements are prepared and pages are in memory.
    async fn warm_up(&self) {
        for films in self.films.chunks(COMMANDS) {
            self.all_done(taking(&self.engine.env, films, SEATS)).await;
        }
        pause(Duration::from_secs(1)).await;
    }

    /// Commands that hold a fresh seat of each of the first sessions.
    fn reserve(&self) -> Vec<Command> {
        commands(&self.engine.env, &self.films[..COMMANDS])
    }

    /// Has commands decided together, and waits until their events are delivered.
    async fn all_done(&self, commands: Vec<Command>) {
        let replies = self.ask(commands, |_| None).await;
        assert!(replies.iter().all(Result::is_ok), "{replies:?}");
        // Time goes by when nothing else is left to do.
        pause(Duration::from_millis(1)).await;
    }

    async fn ask(&self, commands: Vec<Command>, key: impl Fn(usize) -> Option<Key>) -> Vec<Reply> {
        let together = self.engine.ledger.pause();
        let request = |(place, command)| Request { actor: Actor::Anyone, command, key: key(place) };
        let asks = commands.into_iter().enumerate().map(request);
        let replies = join_all(asks.map(|request| self.engine.submit(request)));
        let begin = async {
            tokio::task::yield_now().await;
            drop(together);
        };
        tokio::join!(replies, begin).0
    }
}

/// Prepares a fresh office, and measures the rest of the story.
fn story<T>(prepare: impl AsyncFnOnce(&Office) -> T, counted: impl AsyncFnOnce(&Office, T)) {
    let runtime = runtime();
    let folder = tempfile::tempdir().expect("a folder");
    let (running, films) = runtime.block_on(open(folder.path()));
    let office = Office { engine: running.engine.clone(), films };
    let prepared = runtime.block_on(prepare(&office));
    measured(|| runtime.block_on(counted(&office, prepared)));
    drop(office);
    runtime.block_on(running.stop());
}

fn runtime() -> Runtime {
    let mut runtime = Builder::new_current_thread();
    runtime.enable_all().start_paused(true).build().expect("a runtime")
}

async fn open(folder: &std::path::Path) -> (Running, Vec<Session>) {
    let options = Options {
        ledger: ledger::Settings { batch_max: 256, queue_depth: 4_096, patience: HOLD },
        ..Options::default_for_tests(HOLD).expect("metrics")
    };
    let (location, env) = (Location::Folder(folder.to_owned()), Env::simulated(START, 1));
    let running = Running::open(&location, options, env.clone()).await.expect("it opens");
    let films: Vec<_> = (0..SESSIONS).map(|_| film(&env)).collect();
    for film in &films {
        let command = Command::OpenSession(film.clone());
        let request = Request { actor: Actor::Anyone, command, key: None };
        running.engine.submit(request).await.expect("it is opened");
    }
    (running, films)
}

/// A session with a fresh id.
pub(super) fn film(env: &Env) -> Session {
    Session {
        id: env.ids.session(),
        movie: "Central do Brasil".to_owned(),
        room: "Sala 1".to_owned(),
        starts_at: START.plus(Duration::from_hours(24)),
        price: Cents::new(2_550),
        layout: Layout::new(SEATS).expect("a layout"),
        version: Session::FIRST_VERSION,
        changed_at: START,
        created_at: START,
        closed_at: None,
    }
}

/// Commands that hold the first seat of each session, by a person of its own each.
pub(super) fn commands(env: &Env, films: &[Session]) -> Vec<Command> {
    taking(env, films, 1)
}

fn taking(env: &Env, films: &[Session], no: u16) -> Vec<Command> {
    let no = SeatNo::new(no).expect("a seat");
    let command = |(place, film): (usize, &Session)| Command::Reserve {
        reservation: env.ids.reservation(),
        seats: SeatSelection::new(vec![film.id.seat(no)]).expect("one seat"),
        user: UserId::new(&format!("person {place}")),
        hold: HOLD,
    };
    films.iter().enumerate().map(command).collect()
}

fn reservations(commands: &[Command]) -> impl Iterator<Item = ReservationId> {
    commands.iter().filter_map(|command| match command {
        Command::Reserve { reservation, .. } => Some(*reservation),
        _ => None,
    })
}
