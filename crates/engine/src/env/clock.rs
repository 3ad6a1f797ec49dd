//! The one source of time, and of waiting.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use poltrona_domain::Timestamp;
use tokio::sync::watch;
use tokio::time::Instant;

/// The longest sleep before the wall clock is looked at again, so that a clock that is set forward
/// is noticed.
const LONGEST_SLEEP: Duration = Duration::from_secs(1);

/// Where the time comes from. Cheap to clone; clones of a manual clock share its hand.
#[derive(Clone, Debug)]
pub enum Clock {
    /// The system's wall clock.
    System,
    /// The system's wall clock, corrected by a database server's: that one is the clock which all
    /// instances share.
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

/// How far a database server's clock was ahead of this machine's when it was last read.
#[derive(Debug, Default)]
pub struct Correction {
    ahead_millis: AtomicI64,
    /// By how much more the machine's clock is to be wrong.
    wrong_by_millis: i64,
}

impl Clock {
    /// The clock of a machine that is ahead of the time by this much, or behind it when negative, to
    /// be corrected by a database server's: for tests.
    #[doc(hidden)]
    pub fn wrong_by(millis: i64) -> Self {
        Self::Corrected(Arc::new(Correction { wrong_by_millis: millis, ..Correction::default() }))
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
            Self::System => wall_clock(),
            Self::Corrected(correction) => correction.now(),
            Self::Manual(hand) => *hand.borrow(),
            Self::Simulated { start, since } => start.plus(since.elapsed()),
        }
    }

    /// The same clock, to be corrected by a database server's.
    #[must_use]
    pub fn corrected(self) -> Self {
        match self {
            Self::System => Self::Corrected(Arc::default()),
            other => other,
        }
    }

    /// Follows the time that a database server has just read, which all instances share, and gives it
    /// back. Only a test's clock overrules it.
    pub fn sync_to_server(&self, read: Timestamp) -> Timestamp {
        match self {
            Self::System => read,
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
            Self::System | Self::Corrected(_) | Self::Simulated { .. } => loop {
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

    /// Sets a manual clock; the system's clock is nobody's to set.
    pub fn set(&self, to: Timestamp) {
        if let Self::Manual(hand) = self {
            hand.send_replace(to);
        }
    }

    /// Moves a manual clock; the system's clock is nobody's to move.
    pub fn advance(&self, by: Duration) {
        if let Self::Manual(hand) = self {
            hand.send_modify(|now| *now = now.plus(by));
        }
    }
}

impl Correction {
    fn now(&self) -> Timestamp {
        let ahead = self.ahead_millis.load(Ordering::Relaxed);
        Timestamp::from_millis(self.own_millis().saturating_add(ahead))
    }

    fn learn(&self, read: Timestamp) {
        self.ahead_millis.store(read.as_millis() - self.own_millis(), Ordering::Relaxed);
    }

    fn own_millis(&self) -> i64 {
        wall_clock().as_millis().saturating_add(self.wrong_by_millis)
    }
}

/// Waits for `duration`, whatever the clock shows meanwhile: between two tries of something that
/// failed, or two looks at something.
#[expect(clippy::disallowed_methods, reason = "this is the one place that sleeps")]
pub async fn pause(duration: Duration) {
    tokio::time::sleep(duration).await;
}

fn wall_clock() -> Timestamp {
    #[expect(clippy::disallowed_methods, reason = "this is the one source of time")]
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
}
