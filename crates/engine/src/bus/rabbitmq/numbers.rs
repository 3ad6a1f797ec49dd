//! The numbers of the feed's messages: a sender gives them, and a receiver finds the gaps.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::feed::Origin;
use crate::event::EventBatch;
use crate::ledger::feed::{Next, Subscription};
use crate::observe::metrics::Metrics;

/// How many senders are distinguished. Each run of an instance is one.
const SENDERS: usize = 256;
/// How often an instance sends a number, whether or not there is news.
pub(super) const BEAT: Duration = Duration::from_secs(1);
/// An instance that sent nothing for this long is gone.
const GONE: Duration = Duration::from_secs(5);

/// This instance's commits, numbered in their order.
pub(super) struct Numbered {
    commits: Subscription,
    metrics: Arc<Metrics>,
    last: u64,
}

/// The last message of each other sender.
#[derive(Default)]
pub(super) struct Numbers(BTreeMap<Vec<u8>, Last>);

struct Last {
    number: u64,
    follows: bool,
    at: Instant,
}

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
    pub(super) fn is_next(&mut self, origin: Origin<'_>, now: Instant) -> bool {
        let Origin { sender, number, follows } = origin;
        let new = Last { number, follows, at: now };
        if let Some(last) = self.0.get_mut(sender) {
            return std::mem::replace(last, new).number + 1 == number;
        }
        // Senders that are forgotten have a gap next time, which is safe.
        if self.0.len() == SENDERS {
            self.0.clear();
        }
        self.0.insert(sender.to_vec(), new);
        number == 1
    }

    /// How many other instances are there and follow this one.
    pub(super) fn followers(&self, now: Instant) -> usize {
        let follows = |last: &&Last| last.follows && now.saturating_duration_since(last.at) < GONE;
        self.0.values().filter(follows).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_is_found_for_each_sender_by_itself() {
        let (mut numbers, now) = (Numbers::default(), Instant::now());
        let from = |sender, number| Origin { sender, number, follows: true };
        let mut is_next = |sender, number| numbers.is_next(from(sender, number), now);
        assert!(is_next(b"one", 1));
        assert!(is_next(b"one", 2));
        assert!(!is_next(b"two", 7), "its first messages were missed");
        assert!(is_next(b"two", 8));
        assert!(!is_next(b"one", 4));
        assert!(is_next(b"one", 5));
        assert!(!is_next(b"one", 5), "a copy is no next message");
    }

    #[test]
    fn instances_that_follow_are_counted_while_they_are_there() {
        let (mut numbers, now) = (Numbers::default(), Instant::now());
        for (sender, follows) in [(b"one", true), (b"two", true), (b"six", false)] {
            assert!(numbers.is_next(Origin { sender, number: 1, follows }, now));
        }
        assert_eq!(numbers.followers(now), 2);
        assert!(numbers.is_next(Origin { sender: b"one", number: 2, follows: true }, now + GONE));
        assert_eq!(numbers.followers(now + GONE), 1, "the second is gone");
        assert!(numbers.is_next(Origin { sender: b"one", number: 3, follows: false }, now + GONE));
        assert_eq!(numbers.followers(now + GONE), 0, "and the first follows no more");
        for sender in 0..=SENDERS {
            let sender = sender.to_string();
            let origin = Origin { sender: sender.as_bytes(), number: 1, follows: true };
            assert!(numbers.is_next(origin, now));
        }
        assert!(numbers.0.len() <= SENDERS);
    }
}
