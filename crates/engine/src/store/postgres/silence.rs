//! A server that takes what is sent and does not answer: a breaker, shared by all who ask it.
//!
//! A server that is gone refuses at once; one that is frozen, or cut off, lets every query wait for
//! its limit. So after the first time-out one query at a time is sent and the others are refused at
//! once, until one is answered.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;
use tracing::{info, warn};

use crate::store::error::Error;

/// Whether the server is silent. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Silence(Arc<State>);

#[derive(Debug, Default)]
struct State {
    silent: AtomicBool,
    /// Whether a query tests whether it answers.
    probing: AtomicBool,
    /// Connections that were opened before this are not used again: their server may never answer on
    /// them, while it, or another, answers on new ones.
    renewed: Mutex<Option<Instant>>,
}

/// Leave to ask the server. It is given back when it is dropped.
pub(super) struct Leave<'a> {
    state: &'a State,
    is_probe: bool,
}

impl Silence {
    /// Leave to ask; fails while the server is silent and another query tests whether it still is.
    pub(super) fn leave(&self) -> Result<Leave<'_>, Error> {
        let state = &*self.0;
        if !state.silent.load(Ordering::Relaxed) {
            return Ok(Leave { state, is_probe: false });
        }
        if state.probing.swap(true, Ordering::AcqRel) {
            return Err(Error::Unavailable("it does not answer".to_owned()));
        }
        Ok(Leave { state, is_probe: true })
    }

    /// Another host takes the server's place: connections are opened anew.
    pub(super) fn moved(&self) {
        self.0.renew();
    }

    /// Whether a connection that was opened at this time must not be used any more.
    pub(super) fn outdates(&self, opened: Instant) -> bool {
        self.0.renewed().is_some_and(|renewed| opened <= renewed)
    }

    /// Whether a query would be refused now.
    pub fn refuses(&self) -> bool {
        self.0.silent.load(Ordering::Relaxed) && self.0.probing.load(Ordering::Relaxed)
    }
}

impl State {
    fn renew(&self) {
        *self.renewed() = Some(Instant::now());
    }

    fn renewed(&self) -> MutexGuard<'_, Option<Instant>> {
        self.renewed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Leave<'_> {
    /// The server answered.
    pub(super) fn answered(&self) {
        if self.state.silent.swap(false, Ordering::Relaxed) {
            info!(target: "database", "PostgreSQL answers again");
        }
    }

    /// The server did not answer within a limit.
    pub(super) fn not_answered(&self) {
        self.state.renew();
        if !self.state.silent.swap(true, Ordering::Relaxed) {
            warn!(target: "database", "PostgreSQL does not answer; refusing until it does");
        }
    }
}

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        if self.is_probe {
            self.state.probing.store(false, Ordering::Release);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn after_a_time_out_one_query_at_a_time_tests_the_server() {
        let silence = Silence::default();
        let (first, beside) = (silence.leave().unwrap(), silence.leave().unwrap());
        first.not_answered();
        drop((first, beside));
        assert!(!silence.refuses(), "no query tests it yet");
        let probe = silence.leave().unwrap();
        assert!(silence.leave().is_err() && silence.refuses());
        drop(probe);
        let probe = silence.leave().unwrap();
        probe.answered();
        assert!(silence.leave().is_ok() && !silence.refuses());
    }

    #[tokio::test(start_paused = true)]
    async fn connections_from_before_a_time_out_or_a_move_are_not_used_again() {
        let silence = Silence::default();
        let opened = Instant::now();
        assert!(!silence.outdates(opened));
        for renew in [|it: &Silence| it.leave().unwrap().not_answered(), Silence::moved] {
            renew(&silence);
            assert!(silence.outdates(opened));
            tokio::time::advance(Duration::from_millis(1)).await;
            assert!(!silence.outdates(Instant::now()));
        }
    }
}
