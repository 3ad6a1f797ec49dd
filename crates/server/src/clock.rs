//! The one source of time, and the hand that tests move.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use poltrona_domain::Timestamp;
use tokio::sync::watch;

/// The longest sleep before the wall clock is looked at again, so that a clock that is set forward
/// is noticed.
const LONGEST_SLEEP: Duration = Duration::from_secs(1);

/// Where the time comes from. Cheap to clone; clones of a manual clock share its hand.
#[derive(Clone, Debug)]
pub enum Clock {
    /// The system's wall clock.
    System,
    /// A clock that stands still until it is moved.
    Manual(Arc<watch::Sender<Timestamp>>),
}

impl Clock {
    /// A clock that stands at `start`.
    pub fn manual(start: Timestamp) -> Self {
        Self::Manual(Arc::new(watch::Sender::new(start)))
    }

    /// The time, cut to milliseconds.
    pub fn now(&self) -> Timestamp {
        match self {
            Self::System => {
                #[expect(clippy::disallowed_methods, reason = "this is the one source of time")]
                let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                Timestamp::from_millis(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
            }
            Self::Manual(hand) => *hand.borrow(),
        }
    }

    /// Waits until the clock shows `at` or later.
    pub async fn sleep_until(&self, at: Timestamp) {
        match self {
            Self::System => loop {
                let left = self.now().until(at);
                if left.is_zero() {
                    return;
                }
                tokio::time::sleep(left.min(LONGEST_SLEEP)).await;
            },
            Self::Manual(hand) => {
                // The clock owns its sender, so the wait cannot fail.
                let _ = hand.subscribe().wait_for(|now| *now >= at).await;
            }
        }
    }

    /// Moves a manual clock; the system's clock is nobody's to move.
    pub fn advance(&self, by: Duration) {
        if let Self::Manual(hand) = self {
            hand.send_modify(|now| *now = now.plus(by));
        }
    }
}
