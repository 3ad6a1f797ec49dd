//! Places where a test may end the program at once, as a power cut would: between two steps that must
//! not be torn apart.
//!
//! They are compiled in with the feature `chaos` only; without it each is nothing. The variable
//! `CHAOS_KILL_AT=after-commit:3` ends the program when that place is reached for the third time.

/// A place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failpoint {
    /// The seat lock said yes; the database was not asked yet.
    Locked,
    /// A batch is committed; nobody was told.
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

    /// The program is here, and ends if it was told to.
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

#[cfg(feature = "chaos")]
mod chaos {
    use std::sync::OnceLock;

    static KILL_AT: OnceLock<Option<(String, u64)>> = OnceLock::new();

    /// The place to end at, and at which time of being there.
    pub(super) fn kill_at() -> Option<(&'static str, u64)> {
        let told = KILL_AT.get_or_init(|| {
            #[expect(clippy::disallowed_methods, reason = "it is no setting, but a test's hand")]
            let told = std::env::var("CHAOS_KILL_AT").ok()?;
            let (place, times) = told.split_once(':').unwrap_or((&told, "1"));
            Some((place.to_owned(), times.parse().ok()?))
        });
        told.as_ref().map(|(place, times)| (place.as_str(), *times))
    }
}
