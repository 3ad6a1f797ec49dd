//! The commit feed: what this instance committed, in order, for its followers.
//!
//! It is bounded. A follower that is slower than sales until the feed is full misses the oldest
//! commits, and gets their number; each follower documents what it does then, for the store has
//! everything that is in a commit. The ledger never waits for a follower.
//!
//! The one hook `Feed::before_answer` runs on the worker, for work that must end before any answer.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::future::BoxFuture;
use poltrona_domain::{Event, Timestamp};
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::sync::broadcast::{Receiver, Sender};
use tokio::time::Instant;

use crate::event::EventBatch;

/// How many commits a follower may be behind.
pub const FEED_COMMITS: usize = 1_024;

/// A committed batch.
#[derive(Debug)]
pub struct Commit {
    /// When it was decided, by the store's clock.
    pub at: Timestamp,
    /// Its events, in order. Each event carries its rows, seats with their versions among them.
    pub events: Vec<Event>,
    /// Its events as an outbox row; `None` when it only recorded answers.
    pub outbox: Option<Arc<EventBatch>>,
    /// How many commands it carried.
    pub commands: usize,
    /// From taking the batch to its commit.
    pub took: Duration,
    /// When it was committed, by this process's clock.
    pub committed: Instant,
}

/// The feed. Cheap to clone.
#[derive(Clone)]
pub struct Feed(Arc<Inner>);

struct Inner {
    commits: Sender<Arc<Commit>>,
    before_answer: OnceLock<BeforeAnswer>,
}

/// A hook that the worker runs between a commit and its answers. It must not block. The answers of
/// commands that freed seats wait for the future that it returns, if any; the worker does not.
pub type BeforeAnswer = Box<dyn Fn(&Commit) -> Option<BoxFuture<'static, ()>> + Send + Sync>;

/// A follower's place in the feed.
pub struct Subscription(Receiver<Arc<Commit>>);

/// The next entry of the feed.
#[derive(Debug)]
pub enum Next {
    /// A commit.
    Commit(Arc<Commit>),
    /// The number of commits that this follower missed.
    Missed(u64),
}

impl Feed {
    /// A feed that holds [`FEED_COMMITS`].
    pub fn new() -> Self {
        Self::holding(FEED_COMMITS)
    }

    /// A feed that holds this many commits, at least.
    pub fn holding(commits: usize) -> Self {
        Self(Arc::new(Inner { commits: Sender::new(commits), before_answer: OnceLock::new() }))
    }

    /// Follows the feed from here on.
    pub fn subscribe(&self) -> Subscription {
        Subscription(self.0.commits.subscribe())
    }

    /// Sets the hook between a commit and its answers. Only the first call counts.
    pub fn set_before_answer(&self, hook: BeforeAnswer) {
        let _ = self.0.before_answer.set(hook);
    }

    /// Runs the hook before the commands of a commit are answered; gives the future that answers of
    /// those that freed seats wait for.
    pub(super) fn before_answer(&self, commit: &Commit) -> Option<BoxFuture<'static, ()>> {
        self.0.before_answer.get().and_then(|hook| hook(commit))
    }

    /// Publishes a commit whose commands were answered.
    pub(super) fn publish(&self, commit: Arc<Commit>) {
        // Nobody may be following.
        let _ = self.0.commits.send(commit);
    }
}

impl Default for Feed {
    fn default() -> Self {
        Self::new()
    }
}

impl Subscription {
    /// Waits for the next commit; `None` once the feed has ended.
    pub async fn next(&mut self) -> Option<Next> {
        match self.0.recv().await {
            Ok(commit) => Some(Next::Commit(commit)),
            Err(RecvError::Lagged(missed)) => Some(Next::Missed(missed)),
            Err(RecvError::Closed) => None,
        }
    }

    /// The next commit, if it is there already.
    pub fn try_next(&mut self) -> Option<Next> {
        match self.0.try_recv() {
            Ok(commit) => Some(Next::Commit(commit)),
            Err(TryRecvError::Lagged(missed)) => Some(Next::Missed(missed)),
            Err(TryRecvError::Empty | TryRecvError::Closed) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn commit(commands: usize) -> Arc<Commit> {
        Arc::new(Commit {
            at: Timestamp::from_millis(0),
            events: Vec::new(),
            outbox: None,
            commands,
            took: Duration::ZERO,
            committed: Instant::now(),
        })
    }

    #[test]
    fn a_slow_follower_misses_the_oldest_commits_and_holds_up_nobody() {
        let feed = Feed::holding(4);
        let (mut slow, mut quick) = (feed.subscribe(), feed.subscribe());
        for number in 0..6 {
            feed.publish(commit(number));
            assert!(matches!(quick.try_next(), Some(Next::Commit(it)) if it.commands == number));
        }
        assert!(matches!(slow.try_next(), Some(Next::Missed(2))));
        for number in 2..6 {
            assert!(matches!(slow.try_next(), Some(Next::Commit(it)) if it.commands == number));
        }
        assert!(slow.try_next().is_none());
    }

    #[tokio::test]
    async fn a_feed_ends_with_its_last_owner() {
        let feed = Feed::new();
        let mut follower = feed.subscribe();
        feed.publish(commit(1));
        drop(feed);
        assert!(matches!(follower.next().await, Some(Next::Commit(_))));
        assert!(follower.next().await.is_none());
    }
}
