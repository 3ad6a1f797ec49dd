//! One client: its user, its pace and choices, and how it asks. The requests that it can make are
//! left to `actions`, and which of them it makes to the plays.

use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::time::sleep_until;

use super::connections::Connections;
use super::pace::Pace;
use super::request::{Reply, Request};
use super::world::World;
use crate::history::{Action, Completion, Invoke, Line, Micros, Outcome};
use crate::stats;

/// Visits after which a client becomes another user.
const VISITS_PER_USER: u32 = 8;

/// One client. Its methods return `None` once the run is over, so that `?` ends its play.
#[derive(Debug)]
pub(crate) struct Caller {
    pub(crate) world: Rc<World>,
    pub(crate) number: u32,
    /// The source of this client's choices.
    pub(crate) rng: fastrand::Rng,
    pub(crate) user: String,
    pace: Pace,
    think: Duration,
    visits: u32,
    keys: u32,
    /// The end of the census, for a client that takes it.
    census_end: Option<Instant>,
    connections: Connections,
}

impl Caller {
    pub(crate) fn new(
        world: &Rc<World>,
        number: u32,
        rng: fastrand::Rng,
        pace: Pace,
        think: Duration,
    ) -> Self {
        Self {
            world: Rc::clone(world),
            number,
            rng,
            user: format!("u{}-{number}-0", world.tag),
            pace,
            think,
            visits: 0,
            keys: 0,
            census_end: None,
            connections: Connections::new(world),
        }
    }

    /// A client that takes the census until `end`.
    pub(crate) fn for_census(world: &Rc<World>, number: u32, end: Instant) -> Self {
        let rng = fastrand::Rng::with_seed(u64::from(number));
        let caller = Self::new(world, number, rng, Pace::Closed, Duration::ZERO);
        Self { census_end: Some(end), ..caller }
    }

    /// A copy with the same user and connections of its own, for a second request at the same time.
    pub(crate) fn twin(&self) -> Self {
        let rng = fastrand::Rng::with_seed(0);
        let caller = Self::new(&self.world, self.number, rng, Pace::Closed, Duration::ZERO);
        Self { user: self.user.clone(), ..caller }
    }

    fn end(&self) -> Instant {
        self.census_end.unwrap_or_else(|| self.world.end())
    }

    /// Begins a visit: thinks first, and after some visits becomes another user.
    pub(crate) async fn visit(&mut self) -> Option<()> {
        if !self.think.is_zero() {
            let think = self.think.mul_f64(-(1.0 - self.rng.f64()).ln());
            self.pause(think).await?;
        }
        if self.visits.is_multiple_of(VISITS_PER_USER) {
            let person = self.visits / VISITS_PER_USER;
            self.user = format!("u{}-{}-{person}", self.world.tag, self.number);
        }
        self.visits += 1;
        (Instant::now() < self.end()).then_some(())
    }

    /// Waits; `None` if the run is over before.
    pub(crate) async fn pause(&mut self, lasting: Duration) -> Option<()> {
        self.pace.rest(lasting);
        let (until, end) = (Instant::now() + lasting, self.end());
        sleep_until(until.min(end).into()).await;
        (until < end).then_some(())
    }

    /// Returns `true` with a chance of `chance` percent.
    pub(crate) fn percent(&mut self, chance: u32) -> bool {
        self.rng.u32(0..100) < chance
    }

    /// A new idempotency key; `None` if the server does not implement them.
    pub(crate) fn key(&mut self) -> Option<String> {
        self.keys += 1;
        let key = format!("k{}-{}-{}", self.world.tag, self.number, self.keys);
        self.world.abilities.keys.then_some(key)
    }

    /// Sends a request when it is due, and writes it and its answer into the history.
    pub(crate) async fn ask(&mut self, action: Action, request: Request) -> Option<Reply> {
        let due = self.pace.next(self.end()).await?;
        let due = self.world.scribe.at(due);
        let preferred = request.target.unwrap_or(self.number as usize);
        loop {
            let target = self.connections.reach(preferred, self.end()).await?;
            let invoke = self.invoke(action, &request, target);
            let op = invoke.op;
            self.connections.render(&invoke, target);
            self.world.scribe.write(Line::Invoke(invoke));
            let answered = self.connections.exchange(action, &request, target).await;
            if let Some((outcome, done)) = answered {
                return Some(self.note(action, op, due, outcome, done));
            }
            // A request that surely was not sent had no effect: it is sent as a new operation.
            let at = self.world.scribe.now();
            self.world.scribe.write(Line::Fail(Completion { at, op, ..Completion::default() }));
            self.world.unreached.set(self.world.unreached.get() + 1);
        }
    }

    fn invoke(&self, action: Action, request: &Request, target: usize) -> Invoke {
        Invoke {
            at: self.world.scribe.now(),
            op: self.world.scribe.next_op(),
            client: self.number,
            target: u16::try_from(target).unwrap_or(u16::MAX),
            action,
            user: self.user.clone(),
            session: request.session.as_ref().map(|session| session.id.clone()),
            seats: request.seats.clone(),
            reservation: request.reservation.clone(),
            key: request.key.clone(),
            census: self.census_end.is_some(),
        }
    }

    /// Writes the completion into the history and the figures.
    fn note(
        &self,
        action: Action,
        op: u64,
        due: Micros,
        outcome: Outcome,
        mut done: Completion,
    ) -> Reply {
        let at = self.world.scribe.now();
        (done.op, done.at) = (op, at);
        if outcome != Outcome::Fail && matches!(action, Action::Reserve | Action::Extend) {
            let hold_ms = done.hold_ms.filter(|_| action == Action::Reserve);
            self.world.may_have_granted(at, hold_ms);
        }
        if outcome != Outcome::Fail && action == Action::Confirm {
            self.world.bought(&self.user);
        }
        if self.census_end.is_none() {
            let kind = match outcome {
                Outcome::Ok => stats::Outcome::Ok,
                Outcome::Fail => stats::Outcome::Refused,
                Outcome::Info if done.status >= 500 => stats::Outcome::Fault,
                Outcome::Info => stats::Outcome::Unknown,
            };
            self.world.figures.lock().record(action, kind, at, at.saturating_sub(due));
        }
        let reply = Reply {
            outcome,
            at,
            reservation: done.reservation.clone(),
            hold_ms: done.hold_ms.unwrap_or_default(),
            map: done.map.clone().filter(|_| self.census_end.is_some()),
        };
        self.world.scribe.write(Line::completed(outcome, done));
        reply
    }
}
