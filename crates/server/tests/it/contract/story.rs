//! Random stories: commands that come together, waits, and the writes of consumers beside them.
//!
//! Everything is drawn from small pools, so that people want the same seats, use the same keys, and
//! ask at the very millisecond at which a hold ends.

use poltrona_domain::{Cents, SessionChange, Timestamp};
use proptest::prelude::*;
use proptest::sample::subsequence;

/// How many scenes an average story has.
const SCENES: usize = 14;
/// How many people ask together at most.
const TOGETHER: usize = 10;
/// A day and a bit, after which keys are forgotten.
const DAY_MILLIS: i64 = 86_400_001;
/// Names that are easy to get wrong.
const NAMES: [&str; 4] = ["Ação e Reação", "O'Hara \\ \"x\"", "🎬 100%_", "ÉTÉ"];

/// Part of a story.
#[derive(Clone, Debug)]
pub(super) enum Scene {
    /// Asked together, and decided in one batch.
    Batch {
        /// The commands of people.
        asks: Vec<Ask>,
        /// Lapses, which come after people.
        lapses: Vec<usize>,
    },
    /// Opening or closing a session, which is always a batch of its own.
    Room(Ask),
    /// The clock moves; now and then it is put back.
    Wait {
        /// By how much.
        millis: i64,
    },
    /// The oldest rows of the outbox are taken to both consumers.
    Deliver {
        /// How many rows.
        rows: usize,
        /// Whether each comes twice.
        twice: bool,
        /// Whether they are deleted then, and whether their effects come with that.
        strike: Option<bool>,
    },
    /// Rows that were old this long ago leave.
    Forget {
        /// How long ago.
        millis: i64,
    },
}

/// A command, before it is known which ids it is about.
#[derive(Clone, Debug)]
pub(super) struct Ask {
    pub(super) wish: Wish,
    pub(super) key: Option<AskedKey>,
}

/// An idempotency key, and what makes two requests equal.
#[derive(Clone, Debug)]
pub(super) struct AskedKey {
    pub(super) key: u8,
    pub(super) fingerprint: u8,
}

#[derive(Clone, Debug)]
pub(super) enum Wish {
    Open { name: usize, cents: i64 },
    Update { session: usize, change: SessionChange },
    Close { session: usize },
    Reserve { session: usize, seats: Vec<u16>, user: u8, hold_millis: u64 },
    // `back` counts reservations back from the next one, which nobody knows yet.
    Confirm { back: usize },
    Cancel { back: usize },
    Extend { back: usize, hold_millis: u64 },
}

/// Any story.
pub(super) fn story() -> impl Strategy<Value = Vec<Scene>> {
    proptest::collection::vec(scene(), 1..=2 * SCENES)
}

/// The beginning of every story: two sessions are open.
pub(super) fn opening() -> [Scene; 2] {
    [2_550, 1_000].map(|cents| Scene::Room(Ask { wish: Wish::Open { name: 0, cents }, key: None }))
}

fn scene() -> impl Strategy<Value = Scene> {
    let batch = (
        proptest::collection::vec(asked(wish()), 1..=TOGETHER),
        proptest::collection::vec(back(), 0..3),
    );
    let deliver = (1..20_usize, any::<bool>(), proptest::option::weighted(0.7, any::<bool>()));
    prop_oneof![
        12 => batch.prop_map(|(asks, lapses)| Scene::Batch { asks, lapses }),
        2 => asked(room()).prop_map(Scene::Room),
        8 => wait_millis().prop_map(|millis| Scene::Wait { millis }),
        2 => deliver.prop_map(|(rows, twice, strike)| Scene::Deliver { rows, twice, strike }),
        1 => prop_oneof![Just(0), Just(10), Just(DAY_MILLIS)].prop_map(|millis| Scene::Forget { millis }),
    ]
}

fn asked(wish: impl Strategy<Value = Wish>) -> impl Strategy<Value = Ask> {
    let key = (0..2_u8, prop_oneof![6 => Just(0_u8), 1 => Just(1)])
        .prop_map(|(key, fingerprint)| AskedKey { key, fingerprint });
    (wish, proptest::option::weighted(0.4, key)).prop_map(|(wish, key)| Ask { wish, key })
}

fn wish() -> impl Strategy<Value = Wish> {
    prop_oneof![
        2 => (session(), change()).prop_map(|(session, change)| Wish::Update { session, change }),
        10 => (session(), seats(), 0..4_u8, hold_millis()).prop_map(
            |(session, seats, user, hold_millis)| Wish::Reserve { session, seats, user, hold_millis }
        ),
        4 => back().prop_map(|back| Wish::Confirm { back }),
        2 => back().prop_map(|back| Wish::Cancel { back }),
        3 => (back(), hold_millis()).prop_map(|(back, hold_millis)| Wish::Extend { back, hold_millis }),
    ]
}

fn room() -> impl Strategy<Value = Wish> {
    prop_oneof![
        1 => (0..NAMES.len(), cents()).prop_map(|(name, cents)| Wish::Open { name, cents }),
        1 => session().prop_map(|session| Wish::Close { session }),
    ]
}

/// Mostly one of the two that are open from the start; sometimes one that nobody opened.
fn session() -> impl Strategy<Value = usize> {
    prop_oneof![8 => 0..2_usize, 2 => 2..5_usize]
}

fn back() -> impl Strategy<Value = usize> {
    prop_oneof![1 => Just(0), 8 => Just(1), 6 => 2..4_usize, 3 => 4..12_usize]
}

fn wait_millis() -> impl Strategy<Value = i64> {
    prop_oneof![4 => Just(1_i64), 6 => Just(5), 4 => 1..40_i64, 1 => Just(DAY_MILLIS), 1 => -12..0_i64]
}

/// Holds of a few milliseconds, so that the waits often end exactly with one.
fn hold_millis() -> impl Strategy<Value = u64> {
    prop_oneof![1 => Just(0_u64), 3 => Just(5), 4 => Just(10), 4 => Just(30), 1 => 1..40_u64]
}

/// Some of the first seats of a room of sixteen, in any order, and sometimes one that it does not
/// have.
fn seats() -> impl Strategy<Value = Vec<u16>> {
    let pool: Vec<u16> = (1..=6).chain([16, 17]).collect();
    subsequence(pool, 1..=3).prop_shuffle()
}

fn cents() -> impl Strategy<Value = i64> {
    prop_oneof![4 => 0..10_000_i64, 1 => Just(Cents::MAX_PRICE.get())]
}

fn change() -> impl Strategy<Value = SessionChange> {
    let text = || proptest::option::of((0..NAMES.len()).prop_map(|name| NAMES[name].to_owned()));
    let starts_at = proptest::option::of((0..1_000_i64).prop_map(Timestamp::from_millis));
    let price = proptest::option::of(cents().prop_map(Cents::new));
    (text(), text(), starts_at, price).prop_map(|(movie, room, starts_at, price)| SessionChange {
        movie,
        room,
        starts_at,
        price,
    })
}

/// A film's or a person's name.
pub(super) const fn name(number: usize) -> &'static str {
    NAMES[number % NAMES.len()]
}
