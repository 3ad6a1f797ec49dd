//! How fast a worker is, and so how long a command that comes now would wait.

use std::time::Duration;

use tokio::time::Instant;

/// How many of the last batches the estimate follows: a slow disk shows within a few.
const REMEMBERED: u32 = 4;

/// The pace of a worker. A transaction takes about as long for one command as for many.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// How long a transaction takes, as the last ones did.
    took: Duration,
    /// When the one that runs began.
    running: Option<Instant>,
}

impl Pace {
    /// A transaction begins.
    pub(super) const fn begun(&mut self, now: Instant) {
        self.running = Some(now);
    }

    /// The transaction is over.
    pub(super) fn ended(&mut self, now: Instant) {
        let Some(begun) = self.running.take() else { return };
        let took = now.saturating_duration_since(begun);
        self.took = if self.took.is_zero() {
            took
        } else {
            (self.took * (REMEMBERED - 1) + took) / REMEMBERED
        };
    }

    /// How long a command waits behind `waiting` others, of which a transaction takes `max`: for
    /// the running transaction, and for those of the others.
    pub(super) fn wait(&self, waiting: usize, max: usize, now: Instant) -> Duration {
        let running = self.running.map_or(Duration::ZERO, |begun| {
            // One that takes longer than the last ones is not about to end.
            let since = now.saturating_duration_since(begun);
            self.took.saturating_sub(since).max(since.saturating_sub(self.took))
        });
        let before = u32::try_from(waiting / max.max(1)).unwrap_or(u32::MAX);
        running.saturating_add(self.took.saturating_mul(before))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_command_waits_for_what_runs_and_for_what_came_before_it() {
        let start = Instant::now();
        let mut pace = Pace::default();
        assert_eq!(pace.wait(1_000, 64, start), Duration::ZERO, "nothing is known yet");
        pace.begun(start);
        pace.ended(start + SECOND);
        assert_eq!(pace.wait(63, 64, start + SECOND), Duration::ZERO);
        assert_eq!(pace.wait(64 * 3, 64, start + SECOND), SECOND * 3);
        pace.begun(start + SECOND);
        assert_eq!(pace.wait(64, 64, start + SECOND), SECOND * 2);
        assert_eq!(pace.wait(64, 64, start + SECOND * 3 / 2), SECOND * 3 / 2);
        // It should have ended long ago.
        assert_eq!(pace.wait(0, 64, start + SECOND * 6), SECOND * 4);
    }

    #[test]
    fn a_disk_that_slows_down_shows_within_a_few_transactions() {
        let mut now = Instant::now();
        let mut pace = Pace::default();
        for took in [1, 1, 100, 100, 100, 100].map(Duration::from_millis) {
            pace.begun(now);
            now += took;
            pace.ended(now);
        }
        assert!(pace.wait(1, 1, now) > Duration::from_millis(65), "{pace:?}");
    }
}
