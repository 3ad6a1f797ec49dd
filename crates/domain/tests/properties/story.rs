//! Random stories: commands, and the time that passes between them.
//!
//! Everything is drawn from small pools, so that users want the same seats and holds end in the
//! very millisecond of a command. New things get fresh ids, as in production.

use std::rc::Rc;
use std::time::Duration;

use poltrona_domain::{
    Actor, Cents, Command, Event, Facts, Layout, Precondition, Refusal, ReservationId, SaleId,
    SeatNo, SeatSelection, Session, SessionChange, SessionId, Timestamp, UserId, apply, decide,
};
use proptest::prelude::*;
use proptest::sample::subsequence;
use uuid::Uuid;

/// When every story begins.
const START_MILLIS: i64 = 1_790_000_000_000;
/// How many commands an average story has. The shortest has one, so that a failing story can be
/// shrunk to what matters.
const TURNS: usize = 60;

/// A command whose ids are not chosen yet.
#[derive(Clone, Debug)]
pub(crate) enum Ask {
    Open { cents: i64 },
    Update { session: usize, change: SessionChange, only_if: Precondition },
    Close { session: usize, only_if: Precondition },
    Reserve { session: usize, seats: Vec<u16>, user: u8, hold_millis: u64 },
    // `back` counts reservations back from the next one, which does not exist yet.
    Confirm { back: usize },
    Cancel { back: usize },
    Extend { back: usize, hold_millis: u64 },
    Expire { back: usize },
}

/// A command, and how long after the one before it comes.
#[derive(Clone, Debug)]
pub(crate) struct Turn {
    pub(crate) wait_millis: i64,
    pub(crate) ask: Ask,
}

/// One command and its answer.
pub(crate) struct Step {
    pub(crate) now: Timestamp,
    pub(crate) command: Command,
    pub(crate) before: Rc<Facts>,
    pub(crate) answer: Result<Vec<Event>, Refusal>,
    pub(crate) after: Rc<Facts>,
}

/// A story in which time never runs backwards, though it may stand still.
pub(crate) fn forward() -> impl Strategy<Value = Vec<Turn>> {
    story(prop_oneof![6 => Just(0), 2 => Just(1), 1 => Just(4), 3 => Just(5)])
}

/// A story in which the clock is now and then put back a little.
pub(crate) fn unsteady() -> impl Strategy<Value = Vec<Turn>> {
    story(prop_oneof![6 => Just(0), 1 => Just(1), 4 => Just(5), 2 => Just(-5), 1 => -12_i64..0])
}

fn story(wait_millis: impl Strategy<Value = i64>) -> impl Strategy<Value = Vec<Turn>> {
    let turn = (wait_millis, ask()).prop_map(|(wait_millis, ask)| Turn { wait_millis, ask });
    proptest::collection::vec(turn, 1..=2 * TURNS)
}

fn ask() -> impl Strategy<Value = Ask> {
    prop_oneof![
        2 => cents().prop_map(|cents| Ask::Open { cents }),
        3 => (session(), change(), required())
            .prop_map(|(session, change, only_if)| Ask::Update { session, change, only_if }),
        1 => (session(), required()).prop_map(|(session, only_if)| Ask::Close { session, only_if }),
        18 => (session(), seats(), 0..4_u8, hold_millis()).prop_map(
            |(session, seats, user, hold_millis)| Ask::Reserve { session, seats, user, hold_millis }
        ),
        5 => back().prop_map(|back| Ask::Confirm { back }),
        4 => back().prop_map(|back| Ask::Cancel { back }),
        11 => (back(), hold_millis()).prop_map(|(back, hold_millis)| Ask::Extend { back, hold_millis }),
        8 => back().prop_map(|back| Ask::Expire { back }),
    ]
}

fn session() -> impl Strategy<Value = usize> {
    prop_oneof![8 => 0..2_usize, 2 => 2..4_usize]
}

fn back() -> impl Strategy<Value = usize> {
    prop_oneof![1 => Just(0), 8 => Just(1), 6 => 2..4_usize, 3 => 4..12_usize]
}

/// Holds of a few milliseconds, so that waits often end exactly when a hold does.
fn hold_millis() -> impl Strategy<Value = u64> {
    prop_oneof![1 => Just(0), 3 => Just(5), 4 => Just(10), 4 => Just(30), 2 => Just(100), 1 => 1..40_u64]
}

/// Some of the sixteen seats of a room, in any order, and sometimes one that it does not have.
fn seats() -> impl Strategy<Value = Vec<u16>> {
    let pool: Vec<u16> = (1..=17).collect();
    prop_oneof![
        4 => subsequence(pool.clone(), 1..=3),
        1 => subsequence(pool, 1..=10),
    ]
    .prop_shuffle()
}

fn cents() -> impl Strategy<Value = i64> {
    prop_oneof![4 => 0..10_000_i64, 1 => Just(Cents::MAX_PRICE.get())]
}

fn change() -> impl Strategy<Value = SessionChange> {
    let text = || proptest::option::of((0..3_u8).prop_map(|n| format!("name {n}")));
    let starts_at = proptest::option::of((0..1_000_i64).prop_map(Timestamp::from_millis));
    let price = proptest::option::of(cents().prop_map(Cents::new));
    (text(), text(), starts_at, price).prop_map(|(movie, room, starts_at, price)| SessionChange {
        movie,
        room,
        starts_at,
        price,
    })
}

/// The precondition of a change: mostly none, else one of the first versions or times.
fn required() -> impl Strategy<Value = Precondition> {
    let versions = proptest::option::weighted(0.3, proptest::collection::vec(1..4_u32, 0..=2));
    let since = proptest::option::weighted(0.2, -5..200_i64);
    (versions, since).prop_map(|(versions, since)| Precondition {
        versions,
        unchanged_since: since.map(|millis| Timestamp::from_millis(START_MILLIS + millis)),
    })
}

/// Plays a story from an empty box office; its first two sessions are opened before it begins.
pub(crate) fn play(story: &[Turn]) -> Vec<Step> {
    let opening = [2_550, 1_000].map(|cents| Turn { wait_millis: 0, ask: Ask::Open { cents } });
    let mut ids = Ids::default();
    let mut facts = Rc::new(Facts::default());
    let mut now_millis = START_MILLIS;
    let mut steps = Vec::new();
    for turn in opening.iter().chain(story) {
        now_millis += turn.wait_millis;
        let (now, command) = (Timestamp::from_millis(now_millis), ids.command(&turn.ask));
        let before = Rc::clone(&facts);
        let answer = decide(&before, &Actor::Anyone, &command, now);
        for event in answer.iter().flatten() {
            apply(Rc::make_mut(&mut facts), event);
        }
        if answer.is_err() {
            ids.take_back(&command);
        }
        steps.push(Step { now, command, before, answer, after: Rc::clone(&facts) });
    }
    steps
}

/// Gives out ids in order, and counts them.
#[derive(Default)]
struct Ids {
    sessions: usize,
    reservations: u128,
    sales: u128,
}

impl Ids {
    fn command(&mut self, ask: &Ask) -> Command {
        match ask.clone() {
            Ask::Open { cents } => {
                self.sessions += 1;
                Command::OpenSession(new_session(self.sessions - 1, cents))
            }
            Ask::Update { session, change, only_if } => {
                Command::UpdateSession { session: session_id(session), change, only_if }
            }
            Ask::Close { session, only_if } => {
                Command::CloseSession { session: session_id(session), only_if }
            }
            Ask::Reserve { session, seats, user, hold_millis } => {
                self.reservations += 1;
                Command::Reserve {
                    reservation: reservation_id(self.reservations),
                    seats: selection(session, &seats),
                    user: UserId::new(&format!("user {user}")),
                    hold: Duration::from_millis(hold_millis),
                }
            }
            Ask::Confirm { back } => {
                self.sales += 1;
                let sale = SaleId::from_uuid(Uuid::from_u128(self.sales));
                Command::Confirm { reservation: self.earlier(back), sale }
            }
            Ask::Cancel { back } => Command::Cancel { reservation: self.earlier(back) },
            Ask::Extend { back, hold_millis } => Command::Extend {
                reservation: self.earlier(back),
                hold: Duration::from_millis(hold_millis),
            },
            Ask::Expire { back } => Command::Expire { reservation: self.earlier(back) },
        }
    }

    fn earlier(&self, back: usize) -> ReservationId {
        reservation_id((self.reservations + 1).saturating_sub(back as u128))
    }

    /// A refused reservation leaves its id to the next one.
    fn take_back(&mut self, command: &Command) {
        if matches!(command, Command::Reserve { .. }) {
            self.reservations -= 1;
        }
    }
}

pub(crate) fn session_id(n: usize) -> SessionId {
    SessionId::mint(Uuid::from_u128((n as u128 + 1) << 64))
}

pub(crate) fn reservation_id(n: u128) -> ReservationId {
    ReservationId::from_uuid(Uuid::from_u128(n))
}

fn selection(session: usize, seats: &[u16]) -> SeatSelection {
    let seat = |no: &u16| session_id(session).seat(SeatNo::new(*no).expect("seats start at 1"));
    SeatSelection::new(seats.iter().map(seat).collect()).expect("the seats are a subsequence")
}

fn new_session(n: usize, cents: i64) -> Session {
    Session {
        id: session_id(n),
        movie: format!("film {n}"),
        room: format!("room {n}"),
        starts_at: Timestamp::from_millis(START_MILLIS + 1_000),
        price: Cents::new(cents),
        layout: Layout::new(16).expect("sixteen seats are a room"),
        // The decision sets both; the command's values must not matter.
        version: Session::FIRST_VERSION,
        changed_at: Timestamp::from_millis(-1),
        created_at: Timestamp::from_millis(-1),
        closed_at: Some(Timestamp::from_millis(-1)),
    }
}
