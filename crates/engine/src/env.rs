//! Where time and new ids come from: one source, made at the start and handed to every part.
//!
//! Nothing else in the engine reads a clock, sleeps or makes an id, so that a test controls them.

pub mod clock;
pub mod ids;

use clock::Clock;
use ids::Ids;
use poltrona_domain::Timestamp;

/// The surroundings of an engine. Cheap to clone; clones share the clock and the ids.
#[derive(Clone, Debug)]
pub struct Env {
    /// The time.
    pub clock: Clock,
    /// New ids.
    pub ids: Ids,
    /// Where blocking work runs.
    pub scheduling: Scheduling,
}

/// Where work that blocks runs, and the workers of the ledger with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheduling {
    /// On threads of its own.
    Threads,
    /// In the tasks themselves, on the one thread that there is: paused time stands still while they
    /// work, and the same tasks run in the same order each time.
    SingleThread,
}

impl Env {
    /// The machine's clock, made so that it never goes back, and random ids.
    pub fn system() -> Self {
        Self::on(Clock::steady())
    }

    /// Another clock, and random ids.
    pub const fn on(clock: Clock) -> Self {
        Self { clock, ids: Ids::Random, scheduling: Scheduling::Threads }
    }

    /// Time that begins at `start` and goes by tokio's clock, which a test pauses, and ids from
    /// `seed`: on a single-threaded runtime the same story gives the same rows, byte for byte.
    pub fn simulated(start: Timestamp, seed: u64) -> Self {
        let clock = Clock::simulated(start);
        let ids = Ids::seeded(seed, clock.clone());
        Self { clock, ids, scheduling: Scheduling::SingleThread }
    }
}
