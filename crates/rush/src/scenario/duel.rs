//! One seat at a time, and everybody asks for it at the same moment.

use std::cell::Cell;
use std::convert::Infallible;
use std::time::Instant;

use tokio::sync::watch;
use tokio::time::timeout_at;

use super::settle::{Odds, settle};
use super::{Place, Scenario};
use crate::crowd::caller::Caller;

const SEATS: u32 = 96;
const ODDS: Odds = Odds { pay: 80, extend: 4, cancel: 8 };

/// Where the clients of all duels wait for each other.
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

    /// Waits until everybody is here; `None` if the run is over before.
    async fn next(&self, end: Instant) -> Option<()> {
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

pub(super) async fn play(caller: &mut Caller, place: &Place) -> Option<Infallible> {
    let mut round = 0;
    loop {
        let hall = caller.hall(Scenario::Duel, round / SEATS, SEATS as usize).await?;
        let seat = (round % SEATS) as usize;
        caller.visit().await?;
        place.rounds.next(caller.world.end()).await?;
        if let Ok(hold) = caller.reserve(&hall, &[seat]).await? {
            settle(caller, hold, ODDS).await?;
        } else if caller.percent(5) {
            // A seat of an earlier round: sold, most probably, and to stay so.
            let earlier = caller.chance.usize(0..=seat);
            if let Ok(hold) = caller.reserve(&hall, &[earlier]).await? {
                settle(caller, hold, ODDS).await?;
            }
        }
        round += 1;
    }
}
