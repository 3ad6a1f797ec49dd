//! A client's place among the clients of its scenario, and the rounds that they begin together.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Instant;

use tokio::sync::watch;
use tokio::time::timeout_at;

/// A client's place among those of its scenario.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// Its number, from 0.
    pub(crate) number: u32,
    /// How many there are.
    pub(crate) of: u32,
    pub(crate) rounds: Rc<Rounds>,
}

/// A barrier that all clients of one scenario wait at before each round.
#[derive(Debug)]
pub(crate) struct Rounds {
    clients: u32,
    waiting: Cell<u32>,
    current: watch::Sender<u32>,
}

impl Rounds {
    pub(crate) fn new(clients: u32) -> Self {
        Self { clients, waiting: Cell::new(0), current: watch::Sender::new(0) }
    }

    /// Waits until all clients wait; `None` if the run is over before.
    pub(super) async fn next(&self, end: Instant) -> Option<()> {
        let mut current = self.current.subscribe();
        self.waiting.set(self.waiting.get() + 1);
        if self.waiting.get() == self.clients {
            self.waiting.set(0);
            self.current.send_modify(|round| *round += 1);
            return Some(());
        }
        timeout_at(end.into(), current.changed()).await.ok()?.ok()
    }
}
