//! How long calls took.

use std::time::Duration;

/// How long calls took.
#[derive(Default)]
pub(crate) struct Times(Vec<Duration>);

impl Times {
    /// Of these calls.
    pub(crate) const fn of(times: Vec<Duration>) -> Self {
        Self(times)
    }

    pub(crate) fn add(&mut self, time: Duration) {
        self.0.push(time);
    }

    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    /// The time, in milliseconds, within which this share of the calls was done.
    pub(crate) fn millis_at(&mut self, share: f64) -> f64 {
        if self.0.is_empty() {
            return f64::NAN;
        }
        let last = self.0.len() - 1;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_precision_loss,
            clippy::cast_sign_loss,
            reason = "a share of a count is a count"
        )]
        let rank = (last as f64 * share).round() as usize;
        let (_, time, _) = self.0.select_nth_unstable(rank);
        time.as_secs_f64() * 1e3
    }
}
