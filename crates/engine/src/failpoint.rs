//! Places where a test may end the program at once, as a power cut would, between two steps that must
//! not be torn apart; and a disk that a test may make slow.
//!
//! They are compiled in with the feature `chaos` only; without it each is nothing. The variable
//! `CHAOS_KILL_AT=committed:3` ends the program when that place is reached for the third time;
//! `CHAOS_COMMIT_DELAY=10ms` makes each commit that waits for the disk last ten milliseconds longer.

/// A place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failpoint {
    /// The seat lock is held; the database was not asked yet.
    Locked,
    /// A batch is committed; none of its callers has an answer.
    Committed,
    /// The relay has a row in hand; the bus does not.
    Publishing,
    /// Every consumer or queue has a row; it is still in the outbox.
    Published,
    /// A consumer's effect is committed; the broker does not know.
    Consumed,
}

impl Failpoint {
    /// All of them.
    pub const ALL: &[Self] =
        &[Self::Locked, Self::Committed, Self::Publishing, Self::Published, Self::Consumed];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Locked => "locked",
            Self::Committed => "committed",
            Self::Publishing => "publishing",
            Self::Published => "published",
            Self::Consumed => "consumed",
        }
    }

    /// Whether the program can be ended here.
    pub const fn is_built_in() -> bool {
        cfg!(feature = "chaos")
    }

    /// The program is here.
    #[cfg(not(feature = "chaos"))]
    #[inline]
    pub const fn reached(self) {}

    /// The program is here, and ends if `CHAOS_KILL_AT` names this place.
    #[cfg(feature = "chaos")]
    pub fn reached(self) {
        use std::sync::atomic::{AtomicU64, Ordering};
        static TIMES: AtomicU64 = AtomicU64::new(0);
        let Some((place, at)) = chaos::kill_at() else { return };
        if place == self.name() && TIMES.fetch_add(1, Ordering::Relaxed) + 1 == at {
            std::process::abort();
        }
    }
}

/// A commit is about to go to the disk, on the writer's own thread.
#[cfg(not(feature = "chaos"))]
#[inline]
pub const fn before_durable_commit() {}

/// A commit is about to go to the disk, on the writer's own thread. Blocks it for as long as a slower
/// disk would.
#[cfg(feature = "chaos")]
#[expect(
    clippy::disallowed_methods,
    reason = "a slow disk blocks the thread, and no clock moves it"
)]
pub fn before_durable_commit() {
    if let Some(delay) = chaos::commit_delay() {
        std::thread::sleep(delay);
    }
}

#[cfg(feature = "chaos")]
mod chaos {
    use std::sync::OnceLock;
    use std::time::Duration;

    static COMMIT_DELAY: OnceLock<Option<Duration>> = OnceLock::new();
    static KILL_AT: OnceLock<Option<(String, u64)>> = OnceLock::new();

    /// The place to end at, and at which time of being there.
    pub(super) fn kill_at() -> Option<(&'static str, u64)> {
        let place = KILL_AT.get_or_init(|| {
            let value = variable("CHAOS_KILL_AT")?;
            let (place, times) = value.split_once(':').unwrap_or((&value, "1"));
            Some((place.to_owned(), times.parse().ok()?))
        });
        place.as_ref().map(|(place, times)| (place.as_str(), *times))
    }

    /// How much longer a commit lasts: whole milliseconds, such as `10ms`. A value that cannot be read
    /// ends the program, for a measurement without the delay would mislead.
    pub(super) fn commit_delay() -> Option<Duration> {
        *COMMIT_DELAY.get_or_init(|| {
            let value = variable("CHAOS_COMMIT_DELAY")?;
            let millis = value.strip_suffix("ms").and_then(|millis| millis.parse().ok());
            Some(Duration::from_millis(millis.expect("CHAOS_COMMIT_DELAY is like 10ms")))
        })
    }

    #[expect(clippy::disallowed_methods, reason = "it is no setting, but a test's hand")]
    fn variable(name: &str) -> Option<String> {
        std::env::var(name).ok()
    }
}
