//! The program as it is run: the built binary in a folder of its own, on a port of its own, and
//! what happens to it there: `kill -9`, signals, slow clients, a full disk, wrong settings.
//!
//! Rules are tested elsewhere; these tests look at what only a whole process can get wrong. Nothing
//! sleeps: whatever takes its time is waited for with [`wait_until`].

#![allow(clippy::unwrap_used, reason = "helpers fail their test as well as tests do")]

mod balancer;
mod client;
mod commands;
mod connections;
mod crash;
mod deleted;
mod full_disk;
mod program;
mod readme;
mod rush;
mod shutdown;
mod smuggling;
mod startup;

use std::thread;
use std::time::{Duration, Instant};

/// How long anything may take before its test fails; a bound, not an expectation.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often a condition is looked at.
const STEP: Duration = Duration::from_millis(5);

/// Waits until `condition` gives something; fails when that takes unreasonably long.
fn wait_until<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = condition() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        thread::sleep(STEP);
    }
}
