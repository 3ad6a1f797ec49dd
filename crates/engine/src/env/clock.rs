//! The one source of time, and of waiting.

mod steady;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, SystemTimeError, UNIX_EPOCH};

use poltrona_domain::Timestamp;
use tokio::sync::watch;
use tokio::time::Instant;

pub use steady::Steady;

/// The longest sleep before the wall clock is looked at again, so that a clock that is set forward
/// is noticed.
const LONGEST_SLEEP: Duration = Duration::from_secs(1);
const NANOS_A_MILLISECOND: i64 = 1_000_000;

/// Where the time comes from. Cheap to clone; clones of a manual clock share its time.
#[derive(Clone, Debug)]
pub enum Clock {
    /// The system's wall clock, which may be set.
    System,
    /// The system's wall clock, made so that it never goes back.
    Steady(Arc<Steady>),
    /// The time since the program's start, corrected by a database server's clock: that one is the clock
    /// which all instances share.
    Corrected(Arc<Correction>),
    /// A clock that stands still until it is moved.
    Manual(Arc<watch::Sender<Timestamp>>),
    /// A clock that goes by tokio's, which a test may pause.
    Simulated {
        /// The time that it showed.
        start: Timestamp,
        /// When it showed that.
        since: Instant,
    },
}

/// How far a database server's clock was ahead of this program's when it was last read.
#[derive(Debug)]
pub struct Correction {
    /// The wall clock at the start. Setting it later has no effect.
    start: Timestamp,
    since: Instant,
    ahead_millis: AtomicI64,
}

impl Clock {
    /// The clock of a machine that is ahead of the time by this much, or behind it when negative, to
    /// be corrected by a database server's: for tests.
    #[doc(hidden)]
    pub fn wrong_by(millis: i64) -> Self {
        Self::Corrected(Arc::new(Correction::wrong_by(millis)))
    }

    /// The system's wall clock, made so that it never goes back while this clock lives.
    pub fn steady() -> Self {
        Self::Steady(Arc::new(Steady::new(wall_nanos())))
    }

    /// Whether the system's wall clock can be used: no id can be made before 1970.
    pub fn is_usable() -> bool {
        wall().is_ok()
    }

    /// A clock that stands at `start`.
    pub fn manual(start: Timestamp) -> Self {
        Self::Manual(Arc::new(watch::Sender::new(start)))
    }

    /// A clock that shows `start` now, and goes by tokio's clock from here on.
    pub fn simulated(start: Timestamp) -> Self {
        Self::Simulated { start, since: Instant::now() }
    }

    /// The time, cut to milliseconds.
    pub fn now(&self) -> Timestamp {
        match self {
            Self::System => Timestamp::from_millis(wall_nanos() / NANOS_A_MILLISECOND),
            Self::Steady(steady) => {
                Timestamp::from_millis(steady.read(wall_nanos()) / NANOS_A_MILLISECOND)
            }
            Self::Corrected(correction) => correction.now(),
            Self::Manual(hand) => *hand.borrow(),
            Self::Simulated { start, since } => start.plus(since.elapsed()),
        }
    }

    /// This clock, to be corrected by a database server's.
    #[must_use]
    pub fn corrected(self) -> Self {
        match self {
            Self::System | Self::Steady(_) => Self::Corrected(Arc::new(Correction::wrong_by(0))),
            other => other,
        }
    }

    /// Follows the time just read from a database server's clock, which all instances share, and
    /// returns it. A test's clock returns its own time.
    pub fn sync_to_server(&self, read: Timestamp) -> Timestamp {
        match self {
            Self::System | Self::Steady(_) => read,
            Self::Corrected(correction) => {
                correction.learn(read);
                read
            }
            Self::Manual(_) | Self::Simulated { .. } => self.now(),
        }
    }

    /// Waits until the clock shows `at` or later.
    pub async fn sleep_until(&self, at: Timestamp) {
        match self {
            Self::System | Self::Steady(_) | Self::Corrected(_) | Self::Simulated { .. } => loop {
                let left = self.now().until(at);
                if left.is_zero() {
                    return;
                }
                pause(left.min(LONGEST_SLEEP)).await;
            },
            Self::Manual(hand) => {
                // The clock owns its sender, so the wait cannot fail.
                let _ = hand.subscribe().wait_for(|now| *now >= at).await;
            }
        }
    }

    /// Sets a manual clock; other clocks ignore it.
    pub fn set(&self, to: Timestamp) {
        if let Self::Manual(hand) = self {
            hand.send_replace(to);
        }
    }

    /// Moves a manual clock; other clocks ignore it.
    pub fn advance(&self, by: Duration) {
        if let Self::Manual(hand) = self {
            hand.send_modify(|now| *now = now.plus(by));
        }
    }
}

impl Correction {
    fn wrong_by(millis: i64) -> Self {
        let start = Clock::System.now().as_millis().saturating_add(millis);
        let (start, since) = (Timestamp::from_millis(start), Instant::now());
        Self { start, since, ahead_millis: AtomicI64::new(0) }
    }

    fn now(&self) -> Timestamp {
        let ahead = self.ahead_millis.load(Ordering::Relaxed);
        Timestamp::from_millis(self.own().as_millis().saturating_add(ahead))
    }

    fn learn(&self, read: Timestamp) {
        self.ahead_millis.store(read.as_millis() - self.own().as_millis(), Ordering::Relaxed);
    }

    fn own(&self) -> Timestamp {
        self.start.plus(self.since.elapsed())
    }
}

/// Waits for `duration` by tokio's clock, even if [`Clock`] is set: between two tries, or two
/// looks.
#[expect(clippy::disallowed_methods, reason = "this is the one place that sleeps")]
pub async fn pause(duration: Duration) {
    tokio::time::sleep(duration).await;
}

/// Nanoseconds since 1970, by the system.
fn wall_nanos() -> i64 {
    i64::try_from(wall().unwrap_or_default().as_nanos()).unwrap_or(i64::MAX)
}

fn wall() -> Result<Duration, SystemTimeError> {
    #[expect(clippy::disallowed_methods, reason = "this is the one source of time")]
    SystemTime::now().duration_since(UNIX_EPOCH)
}
