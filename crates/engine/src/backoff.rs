//! How long to wait before an engine that failed is tried again: the one place that names such times.
//!
//! Every wait is random, between half its length and the whole, so that instances that lost an
//! engine together do not come back to it together.

use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBackoff, ExponentialBuilder};

use crate::env::ids::Ids;

/// A connection to RabbitMQ: the first new try is quick, for most failures are short.
pub const BROKER: Policy =
    Policy { first: Duration::from_millis(100), longest: Duration::from_secs(5) };
/// PostgreSQL, while a start waits for it.
pub const DATABASE_AT_START: Policy =
    Policy { first: Duration::from_millis(250), longest: Duration::from_secs(1) };
/// A connection to Redis, which nobody waits for.
pub const REDIS: Policy = Policy::steady(Duration::from_secs(1));
/// Work that the database, or a collector of traces, could not take.
pub const WORK: Policy = Policy::steady(Duration::from_secs(1));

/// Waits that double from the first to the longest, and stay there.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    first: Duration,
    /// No wait is longer.
    pub longest: Duration,
}

/// The waits of one series of failures.
#[derive(Debug)]
pub struct Waits {
    schedule: ExponentialBackoff,
    longest: Duration,
}

impl Policy {
    const fn steady(longest: Duration) -> Self {
        Self { first: longest, longest }
    }

    /// A series that begins with the first wait. Its randomness comes from the source of ids.
    pub fn waits(self, ids: &Ids) -> Waits {
        self.seeded(ids.fresh().as_u64_pair().1)
    }

    /// A single wait, of the first length.
    pub fn wait(self, ids: &Ids) -> Duration {
        self.waits(ids).next_wait()
    }

    /// The library adds up to 100 % to each wait, so it gets half the lengths.
    fn seeded(self, seed: u64) -> Waits {
        let schedule = ExponentialBuilder::new()
            .with_min_delay(self.first / 2)
            .with_max_delay(self.longest / 2)
            .without_max_times()
            .with_jitter()
            .with_jitter_seed(seed);
        Waits { schedule: schedule.build(), longest: self.longest }
    }
}

impl Waits {
    /// The next wait; there is always one.
    pub fn next_wait(&mut self) -> Duration {
        self.schedule.next().unwrap_or(self.longest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest_and_each_lies_in_its_upper_half() {
        for policy in [BROKER, DATABASE_AT_START, REDIS, WORK] {
            for seed in 0..100 {
                let mut waits = policy.seeded(seed);
                let mut whole = policy.first;
                for _ in 0..10 {
                    let wait = waits.next_wait();
                    assert!((whole / 2..=whole).contains(&wait), "{policy:?}: {wait:?}");
                    whole = (whole * 2).min(policy.longest);
                }
            }
        }
    }

    #[test]
    fn two_instances_do_not_keep_step() {
        let mut instances = [BROKER.waits(&Ids::Random), BROKER.waits(&Ids::Random)];
        let together =
            (0..20).filter(|_| instances[0].next_wait() == instances[1].next_wait()).count();
        assert!(together < 3, "{together} of 20 waits are the same");
    }
}
