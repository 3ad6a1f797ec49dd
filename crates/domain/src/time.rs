//! Time as the rules see it: a number of milliseconds.

use std::time::Duration;

/// An instant, in whole milliseconds since 1970-01-01T00:00:00Z.
///
/// The API shows milliseconds, so stored, compared and shown times never differ by rounding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// An instant `millis` milliseconds after the epoch.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the epoch.
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// This instant and `duration` more; a sum that does not fit is the greatest instant.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        let millis = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        Self(self.0.saturating_add(millis))
    }

    /// How long from this instant until `later`; zero when `later` is not later.
    pub fn until(self, later: Self) -> Duration {
        Duration::from_millis(u64::try_from(later.0.saturating_sub(self.0)).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adding_and_subtracting_never_overflow() {
        let end = Timestamp::from_millis(i64::MAX);
        assert_eq!(end.plus(Duration::from_secs(1)), end);
        assert_eq!(Timestamp::from_millis(5).plus(Duration::MAX), end);
        assert_eq!(Timestamp::from_millis(5).plus(Duration::from_millis(7)).as_millis(), 12);
        assert_eq!(Timestamp::from_millis(5).until(Timestamp::from_millis(7)).as_millis(), 2);
        assert_eq!(Timestamp::from_millis(7).until(Timestamp::from_millis(5)), Duration::ZERO);
    }
}
