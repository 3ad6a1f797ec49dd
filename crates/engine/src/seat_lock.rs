//! Refusing early: what all instances know to be taken need not be asked of the database.
//!
//! The lock never decides. A yes comes from the ledger alone, and a no of the lock is one that the
//! database gave less than a second ago, and that a mark in Redis says still stands. Whatever happens
//! to Redis, be it slow, away, wiped or wrong, costs speed and nothing else: every doubt is a question
//! to the database.

mod breaker;
mod claim;
mod keeper;
mod known;
mod mark;
pub mod probe;
mod redis;
mod scripts;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use poltrona_domain::{Event, ReservationId, SeatId, SeatTaken};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use self::claim::Claim;
pub use self::keeper::Pending;
pub use self::redis::Lock;
use crate::clock::Clock;
use crate::observe::metrics::Metrics;

/// Who refuses early. Cheap to clone.
#[derive(Clone)]
pub enum SeatLock {
    /// Nobody: the database is asked each time.
    Off,
    /// Marks in Redis.
    Redis(Arc<Lock>),
}

/// Where Redis is, and how long things take.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The URL of Redis; without, there is no lock.
    pub redis_url: Option<String>,
    /// How long Redis may take to answer before the database is asked instead.
    pub timeout: Duration,
    /// How long a hold is: no mark that came of a refusal stands longer.
    pub hold_ttl: Duration,
}

/// Someone wants seats.
#[derive(Clone, Copy, Debug)]
pub struct Wish<'a> {
    /// The reservation that this would become.
    pub reservation: ReservationId,
    /// One to ten seats of one session, in the order they were asked for.
    pub seats: &'a [SeatId],
    /// For how long.
    pub hold: Duration,
    /// Whether the request has an idempotency key: it may have been granted already, so that only
    /// the database can refuse it.
    pub keyed: bool,
}

/// What the lock says to a wish.
pub enum Verdict {
    /// As far as the lock knows all the seats are free, and now they are marked: ask the database.
    Granted(Claim),
    /// These seats are taken, in the order they were asked for.
    Refused(Vec<SeatTaken>),
    /// It has no opinion: ask the database. `None` when it does not want to know the answer either.
    Unsure(Option<Claim>),
}

impl SeatLock {
    /// The lock that is configured. Its work beside the requests belongs to `tracker` and ends with
    /// `stop`. Redis need not be there yet.
    pub fn start(
        settings: &Settings,
        clock: &Clock,
        metrics: &Arc<Metrics>,
        tracker: &TaskTracker,
        stop: &CancellationToken,
    ) -> anyhow::Result<Self> {
        let Some(url) = &settings.redis_url else { return Ok(Self::Off) };
        let lock = Lock::start(url, settings, clock, metrics, (tracker, stop));
        Ok(Self::Redis(lock.context("the URL of Redis cannot be used")?))
    }

    /// Whether the lock can be reached; `None` when there is none.
    pub fn state(&self) -> Option<bool> {
        match self {
            Self::Off => None,
            Self::Redis(lock) => Some(lock.is_reachable()),
        }
    }

    /// Marks all the seats of a wish, or none.
    pub async fn take(&self, wish: &Wish<'_>) -> Verdict {
        match self {
            Self::Off => Verdict::Unsure(None),
            Self::Redis(lock) => lock.take(wish).await,
        }
    }

    /// Writes down what the database did. What is pending then are the seats that it freed: whoever
    /// comes after the answer to that should not be refused them.
    pub fn note(&self, events: &[Event]) -> Pending {
        match self {
            Self::Off => Pending::default(),
            Self::Redis(lock) => lock.note(events),
        }
    }
}
