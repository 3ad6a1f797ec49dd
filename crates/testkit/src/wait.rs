//! The one way in which a test waits: for a condition, with a deadline.
//!
//! Nothing sleeps for a guessed time, and nothing is retried because it failed; a test that has to
//! wait names its condition.

use std::fmt::Display;
use std::thread;
use std::time::{Duration, Instant};

/// How long anything may take before its test fails; a bound, not an expectation.
pub const PATIENCE: Duration = Duration::from_mins(1);
/// How often a condition is checked.
const STEP: Duration = Duration::from_millis(5);

/// A wait, and until when it may last.
struct Wait<W> {
    what: W,
    deadline: Instant,
}

impl<W: Display> Wait<W> {
    fn begin(what: W) -> Self {
        Self { what, deadline: Instant::now() + PATIENCE }
    }

    /// Fails when it has taken unreasonably long.
    #[track_caller]
    fn check(&self) {
        assert!(Instant::now() < self.deadline, "waited in vain: {}", self.what);
    }
}

/// Waits until `condition` gives something; fails when that takes unreasonably long.
#[track_caller]
pub fn wait_until<T>(what: impl Display, mut condition: impl FnMut() -> Option<T>) -> T {
    let wait = Wait::begin(what);
    loop {
        if let Some(found) = condition() {
            return found;
        }
        wait.check();
        thread::sleep(STEP);
    }
}

/// Like [`wait_until`], for an async condition; other tasks run meanwhile.
pub async fn wait_for<T>(what: impl Display, condition: impl AsyncFnMut() -> Option<T>) -> T {
    wait_in_steps(what, STEP, condition).await
}

/// Like [`wait_for`], with a check every `step`; an error of the condition ends the wait.
pub async fn try_wait_for<E>(
    what: impl Display,
    step: Duration,
    mut condition: impl AsyncFnMut() -> Result<bool, E>,
) -> Result<(), E> {
    let ended = async || condition().await.map(|is_met| is_met.then_some(())).transpose();
    wait_in_steps(what, step, ended).await
}

async fn wait_in_steps<T>(
    what: impl Display,
    step: Duration,
    mut condition: impl AsyncFnMut() -> Option<T>,
) -> T {
    let wait = Wait::begin(what);
    loop {
        if let Some(found) = condition().await {
            return found;
        }
        wait.check();
        tokio::time::sleep(step).await;
    }
}
