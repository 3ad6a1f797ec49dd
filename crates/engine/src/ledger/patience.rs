//! How long a command may wait in the queue, as its callers show.
//!
//! The queue is first come, first served: a command that is served has waited longest. Callers who are less
//! patient than the program leave just before their turn, and their commands are done for nobody. So the
//! allowed wait is halved when many answers to long waits reach no caller, and grows again slowly. Few do by
//! chance: a transaction is short beside the wait.

use std::time::Duration;

use tokio::time::Instant;

/// The shortest time that may be waited. A caller who leaves before leaves for reasons of his own.
pub(super) const LEAST: Duration = Duration::from_millis(250);
/// The time grows by this part of the time that goes by.
const GROWTH: u32 = 64;
/// How many answers are looked at together: a few who leave are chance.
const SAMPLE: usize = 32;
/// More than one of so many that reaches nobody is too many.
const PART: usize = 16;

/// The time that a command may wait now.
#[derive(Debug)]
pub(super) struct Patience {
    most: Duration,
    allowed: Duration,
    grown_at: Option<Instant>,
    sample: Audience,
}

/// Answers to commands that had waited for [`LEAST`] or longer.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Audience {
    /// How many reached their callers.
    pub(super) reached: usize,
    /// How many callers had left meanwhile.
    pub(super) left: usize,
}

impl Patience {
    /// One that is never longer than the program's.
    pub(super) const fn new(most: Duration) -> Self {
        Self { most, allowed: most, grown_at: None, sample: Audience { reached: 0, left: 0 } }
    }

    /// How long a command may wait.
    pub(super) const fn allowed(&self) -> Duration {
        self.allowed
    }

    /// A transaction was answered.
    pub(super) fn answered(&mut self, audience: Audience, now: Instant) {
        if let Some(since) = self.grown_at.replace(now) {
            let growth = now.saturating_duration_since(since) / GROWTH;
            self.allowed = self.allowed.saturating_add(growth).min(self.most);
        }
        self.sample.reached += audience.reached;
        self.sample.left += audience.left;
        let Audience { reached, left } = self.sample;
        if reached + left < SAMPLE {
            return;
        }
        self.sample = Audience::default();
        if left * PART > reached + left {
            self.allowed = (self.allowed / 2).max(LEAST.min(self.most));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANY_LEFT: Audience = Audience { reached: 37, left: 3 };
    const FEW_LEFT: Audience = Audience { reached: 38, left: 2 };

    #[test]
    fn the_wait_is_halved_when_many_have_left_and_grows_again_slowly() {
        let start = Instant::now();
        let mut patience = Patience::new(Duration::from_secs(4));
        patience.answered(FEW_LEFT, start);
        assert_eq!(patience.allowed(), Duration::from_secs(4));
        patience.answered(MANY_LEFT, start);
        assert_eq!(patience.allowed(), Duration::from_secs(2));
        patience.answered(FEW_LEFT, start + Duration::from_secs(64));
        assert_eq!(patience.allowed(), Duration::from_secs(3));
        patience.answered(FEW_LEFT, start + Duration::from_secs(640));
        assert_eq!(patience.allowed(), Duration::from_secs(4), "the program's own is the most");
    }

    #[test]
    fn small_transactions_are_looked_at_together() {
        let mut patience = Patience::new(Duration::from_secs(4));
        let one = Audience { reached: 0, left: 1 };
        for _ in 1..SAMPLE {
            patience.answered(one, Instant::now());
        }
        assert!(patience.allowed() >= Duration::from_secs(4));
        patience.answered(one, Instant::now());
        assert!(patience.allowed() < Duration::from_secs(3));
    }

    #[tokio::test(start_paused = true)]
    async fn some_may_always_wait_a_little() {
        let mut patience = Patience::new(Duration::from_secs(5));
        for _ in 0..100 {
            patience.answered(MANY_LEFT, Instant::now());
        }
        assert_eq!(patience.allowed(), LEAST);
    }
}
