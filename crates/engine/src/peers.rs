//! The commits of other instances, as far as they arrive here.
//!
//! It is for whatever is quicker with news and right without them: nothing here is acknowledged or
//! sent again. While the broker is away nothing arrives, and the first entry after that is
//! [`Received::Missed`]. The feed is bounded; a follower that is too slow misses entries too, and gets
//! the same one. What an entry would have told is in the store. Others send nothing before they know
//! that something here follows them, which takes a second at most, and counts as missed. Without a
//! broker, and where no other instance runs, the feed is silent.

use std::sync::Arc;

use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::sync::broadcast::{Receiver, Sender};

use crate::event::EventBatch;

/// How many entries a follower may be behind.
const ENTRIES: usize = 1_024;

/// An entry of the feed.
#[derive(Clone, Debug)]
pub enum Received {
    /// The events of a batch that another instance committed. Those of one instance come in order.
    Commit(Arc<EventBatch>),
    /// Other instances may have committed anything: forget what the feed brought before.
    Missed,
}

/// The feed of other instances' commits. Cheap to clone.
#[derive(Clone)]
pub struct Peers(Sender<Received>);

/// A follower's place in the feed.
pub struct Subscription(Receiver<Received>);

impl Peers {
    /// A feed without entries.
    pub fn new() -> Self {
        Self(Sender::new(ENTRIES))
    }

    /// Follows the feed from here on.
    pub fn subscribe(&self) -> Subscription {
        Subscription(self.0.subscribe())
    }

    /// Whether anybody follows it.
    pub(crate) fn is_followed(&self) -> bool {
        self.0.receiver_count() > 0
    }

    /// Gives an entry to every follower.
    pub(crate) fn publish(&self, received: Received) {
        // Nobody may be following.
        let _ = self.0.send(received);
    }
}

impl Default for Peers {
    fn default() -> Self {
        Self::new()
    }
}

impl Subscription {
    /// Waits for the next entry; `None` once the feed has ended.
    pub async fn next(&mut self) -> Option<Received> {
        match self.0.recv().await {
            Ok(received) => Some(received),
            Err(RecvError::Lagged(_)) => Some(Received::Missed),
            Err(RecvError::Closed) => None,
        }
    }

    /// The next entry, if it is there already.
    pub fn try_next(&mut self) -> Option<Received> {
        match self.0.try_recv() {
            Ok(received) => Some(received),
            Err(TryRecvError::Lagged(_)) => Some(Received::Missed),
            Err(TryRecvError::Empty | TryRecvError::Closed) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use poltrona_domain::Timestamp;
    use uuid::Uuid;

    use super::*;

    #[tokio::test]
    async fn a_slow_follower_learns_that_it_missed_something_and_holds_up_nobody() {
        let peers = Peers::new();
        let (mut slow, mut quick) = (peers.subscribe(), peers.subscribe());
        let at = Timestamp::from_millis(0);
        let batch = EventBatch::read(Uuid::nil(), at, "[]".to_owned()).unwrap();
        let batch = Arc::new(batch);
        for _ in 0..=ENTRIES {
            peers.publish(Received::Commit(Arc::clone(&batch)));
            assert!(matches!(quick.try_next(), Some(Received::Commit(_))));
        }
        assert!(matches!(slow.next().await, Some(Received::Missed)));
        assert!(matches!(slow.next().await, Some(Received::Commit(_))));
        drop(peers);
        assert!(quick.next().await.is_none());
    }
}
