//! The state of the server, as the latest queries found it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::silence::Silence;
use super::timeline::Timeline;

/// The state of the server. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct ServerState {
    /// Whether it answers.
    pub silence: Silence,
    /// The newest timeline that it showed.
    pub timeline: Timeline,
    /// How many servers take writes.
    pub primaries: Primaries,
    /// How many COMMITs are unanswered.
    pub commits: Commits,
}

/// How many of a server's hosts took writes when they were last looked at. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Primaries(Arc<AtomicUsize>);

impl Primaries {
    /// Whether there are two or more.
    pub fn are_several(&self) -> bool {
        self.0.load(Ordering::Relaxed) > 1
    }

    /// Sets their number; gives the one before.
    pub(super) fn found(&self, count: usize) -> usize {
        self.0.swap(count, Ordering::Relaxed)
    }
}

/// How many COMMITs wait for an answer past their time. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Commits(Arc<AtomicUsize>);

/// A COMMIT that waits; dropped when it was answered.
pub(super) struct Waiting(Commits);

impl Commits {
    /// Their number.
    pub fn unanswered(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    /// One more waits.
    pub(super) fn wait(&self) -> Waiting {
        self.0.fetch_add(1, Ordering::Relaxed);
        Waiting(self.clone())
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}
