//! The state that all clients of a run share: the targets, the sessions on sale, and the longest
//! hold and the buyers seen so far.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::sync::OnceCell;
use tokio::time::sleep;

use super::limits::AWAY_PAUSE;
use super::opening::open_session;
use super::probe::Abilities;
use super::scribe::Scribe;
use crate::api::Created;
use crate::client::Target;
use crate::history::{Line, Micros, Session};
use crate::scenario::Scenario;
use crate::stats;

/// Prices that a floating-point sum gets wrong.
const PRICES_CENTS: [i64; 4] = [2550, 3000, 1999, 10];

type SessionCell = Rc<OnceCell<Rc<Session>>>;

/// The state that a run's clients share. All of them live on one thread.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) scribe: Scribe,
    pub(crate) figures: stats::Shared,
    pub(crate) targets: Vec<Target>,
    pub(crate) abilities: Abilities,
    /// Part of each user and key of this run, so that no two runs share one.
    pub(crate) tag: String,
    /// How often a target could not be reached, or hung up before a request was sent.
    pub(crate) unreached: Cell<u64>,
    /// When each target last could not be reached.
    away: Vec<Cell<Option<Instant>>>,
    end: Cell<Instant>,
    hold_ms: Cell<u64>,
    last_grant: Cell<Micros>,
    sessions: RefCell<BTreeMap<(Scenario, u32), SessionCell>>,
    buyers: RefCell<BTreeSet<String>>,
}

impl World {
    pub(crate) fn new(
        scribe: Scribe,
        figures: stats::Shared,
        targets: Vec<Target>,
        abilities: Abilities,
    ) -> Self {
        Self {
            away: targets.iter().map(|_| Cell::default()).collect(),
            scribe,
            figures,
            targets,
            tag: abilities.tag.clone(),
            unreached: Cell::new(0),
            end: Cell::new(Instant::now()),
            hold_ms: Cell::new(abilities.hold_ms),
            last_grant: Cell::new(0),
            sessions: RefCell::default(),
            buyers: RefCell::default(),
            abilities,
        }
    }

    /// Sets when the run is over.
    pub(crate) fn ends_at(&self, end: Instant) {
        self.end.set(end);
    }

    /// When the run is over.
    pub(crate) fn end(&self) -> Instant {
        self.end.get()
    }

    /// Notes that a target could not be reached: it is not tried again for [`AWAY_PAUSE`].
    pub(crate) fn found_away(&self, target: usize) {
        self.away[target].set(Some(Instant::now()));
        self.unreached.set(self.unreached.get() + 1);
    }

    /// Whether a target could not be reached a moment ago.
    pub(crate) fn is_away(&self, target: usize) -> bool {
        self.away[target].get().is_some_and(|found| found.elapsed() < AWAY_PAUSE)
    }

    /// The length of the longest hold that was seen.
    pub(crate) fn hold(&self) -> Duration {
        Duration::from_millis(self.hold_ms.get())
    }

    /// The length of that hold in microseconds.
    pub(crate) fn hold_micros(&self) -> Micros {
        self.hold_ms.get() * 1_000
    }

    /// Notes that a hold began or was extended by `at`, or may have been.
    pub(crate) fn may_have_granted(&self, at: Micros, hold_ms: Option<u64>) {
        self.last_grant.set(self.last_grant.get().max(at));
        // `None` for an extension: its whole hold is longer than the part after the extension.
        self.hold_ms.set(self.hold_ms.get().max(hold_ms.unwrap_or_default()));
    }

    /// When the last hold must have lapsed, on the run's clock.
    pub(crate) fn last_lapse(&self) -> Micros {
        self.last_grant.get() + self.hold_micros()
    }

    /// Notes a user who paid, or may have.
    pub(crate) fn bought(&self, user: &str) {
        let mut buyers = self.buyers.borrow_mut();
        if !buyers.contains(user) {
            buyers.insert(user.to_owned());
        }
    }

    /// All users who paid, or may have, in order.
    pub(crate) fn buyers(&self) -> Vec<String> {
        self.buyers.borrow().iter().cloned().collect()
    }

    /// All sessions that were opened, in order.
    pub(crate) fn sessions(&self) -> Vec<Rc<Session>> {
        self.sessions.borrow().values().filter_map(|cell| cell.get().cloned()).collect()
    }

    /// The session of that number of a scenario, opened when it is first asked for; `None` when
    /// the run ended before it was open.
    pub(crate) async fn session(
        &self,
        of: Scenario,
        index: u32,
        seats: usize,
    ) -> Option<Rc<Session>> {
        let cell = Rc::clone(self.sessions.borrow_mut().entry((of, index)).or_default());
        let opened = cell.get_or_try_init(async || self.open(of, index, seats).await.ok_or(()));
        opened.await.ok().cloned()
    }

    async fn open(&self, of: Scenario, index: u32, seats: usize) -> Option<Rc<Session>> {
        let price_cents = PRICES_CENTS[index as usize % PRICES_CENTS.len()];
        let movie = format!("{of} {} {index}", self.tag);
        for target in self.targets.iter().cycle().skip(index as usize % self.targets.len()) {
            if let Ok(made) = open_session(target, &movie, price_cents, seats).await {
                let Created { id, seats, names } = made;
                let count = u32::try_from(seats.len()).unwrap_or(u32::MAX);
                let session = Session { id, seats, names, price_cents };
                self.scribe.write(Line::Session(session.clone()));
                self.figures.lock().opened_at(self.scribe.now(), count);
                return Some(Rc::new(session));
            }
            self.unreached.set(self.unreached.get() + 1);
            if Instant::now() >= self.end() {
                return None;
            }
            sleep(AWAY_PAUSE).await;
        }
        None
    }
}
