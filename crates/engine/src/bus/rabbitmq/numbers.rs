//! The numbers of the feed's messages: a sender gives them, and a receiver finds the gaps.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::event::EventBatch;
use crate::ledger::feed::{Next, Subscription};
use crate::observe::metrics::Metrics;

/// How many senders are told apart. Each run of an instance is one.
const SENDERS: usize = 256;
/// How often an instance sends a number, whether or not there is news.
pub(super) const BEAT: Duration = Duration::from_secs(1);
/// An instance that was not heard for this long is gone.
const GONE: Duration = Duration::from_secs(5);

/// This instance's commits, numbered in their order.
pub(super) struct Numbered {
    commits: Subscription,
    metrics: Arc<Metrics>,
    last: u64,
}

/// The number of the last message of each other sender, and when it came.
#[derive(Default)]
pub(super) struct Numbers(BTreeMap<Vec<u8>, (u64, Instant)>);

impl Numbered {
    /// Numbers the commits of this subscription.
    pub(super) const fn new(commits: Subscription, metrics: Arc<Metrics>) -> Self {
        Self { commits, metrics, last: 0 }
    }

    /// The next commit with events, and its number; `None` once the feed has ended.
    pub(super) async fn next(&mut self) -> Option<(u64, Arc<EventBatch>)> {
        loop {
            let next = self.commits.next().await?;
            if let Some(batch) = self.number(next) {
                return Some((self.last, batch));
            }
        }
    }

    /// Numbers what was committed meanwhile.
    pub(super) fn skip(&mut self) {
        while let Some(next) = self.commits.try_next() {
            self.number(next);
        }
    }

    /// The number of an empty message.
    pub(super) const fn beat(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    fn number(&mut self, next: Next) -> Option<Arc<EventBatch>> {
        match next {
            Next::Commit(commit) => {
                let batch = commit.outbox.clone()?;
                self.last += 1;
                Some(batch)
            }
            // Receivers find the gap.
            Next::Missed(missed) => {
                self.metrics.missed(missed);
                self.last += missed;
                None
            }
        }
    }
}

impl Numbers {
    /// Whether this message is the next of its sender; the first of a sender that is not known has the
    /// number 1.
    pub(super) fn follows(&mut self, sender: &[u8], number: u64, now: Instant) -> bool {
        if let Some(last) = self.0.get_mut(sender) {
            return std::mem::replace(last, (number, now)).0 + 1 == number;
        }
        // Senders that are forgotten have a gap next time, which is safe.
        if self.0.len() == SENDERS {
            self.0.clear();
        }
        self.0.insert(sender.to_vec(), (number, now));
        number == 1
    }

    /// How many other instances there are.
    pub(super) fn others(&self, now: Instant) -> usize {
        let is_there = |at: Instant| now.saturating_duration_since(at) < GONE;
        self.0.values().filter(|(_, at)| is_there(*at)).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_is_found_for_each_sender_by_itself() {
        let (mut numbers, now) = (Numbers::default(), Instant::now());
        let mut follows = |sender: &str, number| numbers.follows(sender.as_bytes(), number, now);
        assert!(follows("one", 1));
        assert!(follows("one", 2));
        assert!(!follows("other", 7), "its first messages were missed");
        assert!(follows("other", 8));
        assert!(!follows("one", 4));
        assert!(follows("one", 5));
        assert!(!follows("one", 5), "a copy is no next message");
        assert_eq!(numbers.others(now), 2);
        assert!(numbers.follows(b"one", 6, now + GONE));
        assert_eq!(numbers.others(now + GONE), 1, "the other one is gone");
        for sender in 0..=SENDERS {
            assert!(numbers.follows(sender.to_string().as_bytes(), 1, now));
        }
        assert!(numbers.0.len() <= SENDERS);
    }
}
