//! One client: its generator, its connections, and everything that it asks, written down.

use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::time::{sleep, sleep_until};

use super::pace::Pace;
use super::world::{AWAY_PAUSE, CONNECT_LIMIT, Hall, REQUEST_LIMIT, World};
use crate::api::{self, Outcome};
use crate::client::{Connection, Lost};
use crate::history::{Action, Completion, Invoke, Line};
use crate::{scenario, stats};

/// Visits after which a client is another person.
const VISITS_PER_USER: u32 = 8;

/// One client. Whatever it asks is `None` once the run is over, so that `?` ends its play.
#[derive(Debug)]
pub(crate) struct Caller {
    pub(crate) world: Rc<World>,
    pub(crate) number: u32,
    /// The choices of this client.
    pub(crate) chance: fastrand::Rng,
    pub(crate) user: String,
    pace: Pace,
    think: Duration,
    visits: u32,
    keys: u32,
    /// The end of its time, if that is not the run's.
    census_end: Option<Instant>,
    lines: Vec<Option<Connection>>,
    request: Vec<u8>,
}

/// What is to be asked.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wish {
    pub(crate) hall: Option<Rc<Hall>>,
    pub(crate) seats: Vec<String>,
    pub(crate) reservation: Option<String>,
    pub(crate) key: Option<String>,
    /// The preferred target, when it is not the client's own.
    pub(crate) target: Option<usize>,
    pub(crate) fate: Fate,
}

/// What becomes of the answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It is read.
    #[default]
    Heard,
    /// It arrives and is thrown away.
    Unheard,
    /// The client hangs up as soon as it has asked.
    HungUp,
}

/// What was answered, as far as a client cares.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    pub(crate) outcome: Outcome,
    pub(crate) at: u64,
    pub(crate) reservation: Option<String>,
    pub(crate) hold_ms: u64,
    pub(crate) map: Option<String>,
}

/// Seats that a client holds.
#[derive(Clone, Debug)]
pub(crate) struct Hold {
    pub(crate) hall: Rc<Hall>,
    pub(crate) seats: Vec<String>,
    pub(crate) reservation: String,
    /// When it lapses, on the run's clock.
    pub(crate) until: u64,
}

impl Hold {
    fn wish(&self) -> Wish {
        Wish {
            hall: Some(Rc::clone(&self.hall)),
            seats: self.seats.clone(),
            reservation: Some(self.reservation.clone()),
            ..Wish::default()
        }
    }

    #[expect(clippy::cast_possible_truncation, reason = "a hall has fewer seats")]
    fn size(&self) -> u32 {
        self.seats.len() as u32
    }
}

impl Caller {
    pub(crate) fn new(
        world: &Rc<World>,
        number: u32,
        chance: fastrand::Rng,
        pace: Pace,
        think: Duration,
    ) -> Self {
        Self {
            world: Rc::clone(world),
            number,
            chance,
            user: format!("u{}-{number}-0", world.tag),
            pace,
            think,
            visits: 0,
            keys: 0,
            census_end: None,
            lines: world.targets.iter().map(|_| None).collect(),
            request: Vec::new(),
        }
    }

    /// One who asks for the census, until then.
    pub(crate) fn for_census(world: &Rc<World>, number: u32, end: Instant) -> Self {
        let chance = fastrand::Rng::with_seed(u64::from(number));
        let caller = Self::new(world, number, chance, Pace::Closed, Duration::ZERO);
        Self { census_end: Some(end), ..caller }
    }

    /// Another pair of hands of this client: the same person at another connection.
    pub(crate) fn twin(&self) -> Self {
        let caller = Self::new(
            &self.world,
            self.number,
            fastrand::Rng::with_seed(0),
            Pace::Closed,
            Duration::ZERO,
        );
        Self { user: self.user.clone(), ..caller }
    }

    fn end(&self) -> Instant {
        self.census_end.unwrap_or_else(|| self.world.end())
    }

    /// Begins a visit: thinks first, and now and then is another person.
    pub(crate) async fn visit(&mut self) -> Option<()> {
        if !self.think.is_zero() {
            let think = self.think.mul_f64(-(1.0 - self.chance.f64()).ln());
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
    pub(crate) async fn pause(&self, lasting: Duration) -> Option<()> {
        let (until, end) = (Instant::now() + lasting, self.end());
        sleep_until(until.min(end).into()).await;
        (until < end).then_some(())
    }

    /// Whether something of so many in a hundred happens.
    pub(crate) fn percent(&mut self, chance: u32) -> bool {
        self.chance.u32(0..100) < chance
    }

    /// A key that nobody ever used.
    pub(crate) fn key(&mut self) -> Option<String> {
        self.keys += 1;
        let key = format!("k{}-{}-{}", self.world.tag, self.number, self.keys);
        self.world.abilities.keys.then_some(key)
    }

    /// The session of that number of a scenario.
    pub(crate) async fn hall(
        &self,
        of: scenario::Scenario,
        index: u32,
        seats: usize,
    ) -> Option<Rc<Hall>> {
        self.world.hall(of, index, seats).await
    }

    /// Asks for seats of a session, by their places in it; only the first when the server does not
    /// know groups.
    pub(crate) async fn reserve(
        &mut self,
        hall: &Rc<Hall>,
        places: &[usize],
    ) -> Option<Result<Hold, Told>> {
        let wish = self.wish_for(hall, places);
        let told = self.ask(Action::Reserve, wish.clone()).await?;
        Some(self.held(wish, told))
    }

    /// The wish for seats of a session.
    pub(crate) fn wish_for(&self, hall: &Rc<Hall>, places: &[usize]) -> Wish {
        let count = if self.world.abilities.groups { places.len() } else { 1 };
        let seats = places.iter().take(count).map(|place| hall.seats[*place].clone()).collect();
        Wish { hall: Some(Rc::clone(hall)), seats, ..Wish::default() }
    }

    /// The hold that was granted, if one was.
    pub(crate) fn held(&self, wish: Wish, told: Told) -> Result<Hold, Told> {
        match (wish.hall, told.reservation.clone()) {
            (Some(hall), Some(reservation)) if told.outcome == Outcome::Ok => {
                let until = told.at + told.hold_ms * 1_000;
                let hold = Hold { hall, seats: wish.seats, reservation, until };
                self.world.figures.lock().held(told.at, until, hold.size());
                Ok(hold)
            }
            _ => Err(told),
        }
    }

    /// Pays.
    pub(crate) async fn pay(&mut self, hold: &Hold) -> Option<Told> {
        let told = self.ask(Action::Confirm, hold.wish()).await?;
        self.paid(hold, &told);
        Some(told)
    }

    /// The wish to pay in a way of one's own.
    pub(crate) fn wish_to_pay(hold: &Hold, key: Option<String>) -> Wish {
        Wish { key, ..hold.wish() }
    }

    /// Notes that a hold was paid, if it was.
    pub(crate) fn paid(&self, hold: &Hold, told: &Told) {
        if told.outcome == Outcome::Ok {
            self.world.figures.lock().sold(told.at, hold.until, hold.size());
        }
    }

    /// Gives a hold back, if the server takes it.
    pub(crate) async fn cancel(&mut self, hold: &Hold) -> Option<()> {
        if self.world.abilities.cancel {
            let told = self.ask(Action::Cancel, hold.wish()).await?;
            if told.outcome == Outcome::Ok {
                self.world.figures.lock().released(told.at, hold.until, hold.size());
            }
        }
        Some(())
    }

    /// Lengthens a hold, if the server does.
    pub(crate) async fn extend(&mut self, hold: &mut Hold) -> Option<()> {
        if self.world.abilities.extend {
            let told = self.ask(Action::Extend, hold.wish()).await?;
            if told.outcome == Outcome::Ok {
                let later = told.at + self.world.hold_micros();
                self.world.figures.lock().extended(hold.until, later, hold.size());
                hold.until = later;
            }
        }
        Some(())
    }

    /// Reads a reservation.
    pub(crate) async fn look_at(&mut self, hold: &Hold) -> Option<Told> {
        self.ask(Action::Reservation, hold.wish()).await
    }

    /// Reads a session's map.
    pub(crate) async fn map(&mut self, hall: &Rc<Hall>) -> Option<Told> {
        let wish = Wish { hall: Some(Rc::clone(hall)), ..Wish::default() };
        self.ask(Action::Seats, wish).await
    }

    /// Reads what the user bought.
    pub(crate) async fn sales(&mut self) -> Option<Told> {
        self.ask(Action::Sales, Wish::default()).await
    }

    /// Asks, when it is due, and writes down what was asked and answered.
    pub(crate) async fn ask(&mut self, action: Action, wish: Wish) -> Option<Told> {
        let due = self.pace.next(self.end()).await?;
        let due = self.world.scribe.at(due);
        loop {
            let target = self.reach(wish.target.unwrap_or(self.number as usize)).await?;
            let invoke = self.invoke(action, &wish, target);
            let op = invoke.op;
            api::render(&invoke, &self.world.targets[target], &mut self.request);
            self.world.scribe.write(Line::Invoke(invoke));
            // What was surely not sent leaves an operation without an end, and is asked anew.
            if let Some((outcome, done)) = self.exchange(action, &wish, target).await {
                return Some(self.note(action, op, due, outcome, done));
            }
            self.world.unreached.set(self.world.unreached.get() + 1);
        }
    }

    fn invoke(&self, action: Action, wish: &Wish, target: usize) -> Invoke {
        Invoke {
            at: self.world.scribe.now(),
            op: self.world.scribe.next_op(),
            client: self.number,
            target: u16::try_from(target).unwrap_or(u16::MAX),
            action,
            user: self.user.clone(),
            session: wish.hall.as_ref().map(|hall| hall.id.clone()),
            seats: wish.seats.clone(),
            reservation: wish.reservation.clone(),
            key: wish.key.clone(),
            census: self.census_end.is_some(),
        }
    }

    /// Sends the request that was rendered; `None` if it surely was not sent.
    async fn exchange(
        &mut self,
        action: Action,
        wish: &Wish,
        target: usize,
    ) -> Option<(Outcome, Completion)> {
        let mut line = self.lines[target].take()?;
        let unknown = (Outcome::Info, Completion::default());
        if wish.fate == Fate::HungUp {
            let told = line.tell(&self.request).await;
            return (!matches!(told, Err(Lost::Unsent(_)))).then_some(unknown);
        }
        let answered = match line.ask(&self.request, REQUEST_LIMIT).await {
            Ok(_) if wish.fate == Fate::Unheard => unknown,
            Ok(answer) => {
                let seats = wish.hall.as_ref().map_or(&[][..], |hall| &hall.seats);
                api::read(action, wish.key.is_some(), seats, &answer)
            }
            Err(Lost::Unsent(_)) => return None,
            Err(Lost::Unknown(_)) => return Some(unknown),
        };
        self.lines[target] = Some(line);
        Some(answered)
    }

    /// Writes the completion down, and learns from it.
    fn note(
        &self,
        action: Action,
        op: u64,
        due: u64,
        outcome: Outcome,
        mut done: Completion,
    ) -> Told {
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
            let kind = stats::Outcome::of(done.status);
            self.world.figures.lock().record(action, kind, at, at.saturating_sub(due));
        }
        let told = Told {
            outcome,
            at,
            reservation: done.reservation.clone(),
            hold_ms: done.hold_ms.unwrap_or_default(),
            map: done.map.clone().filter(|_| self.census_end.is_some()),
        };
        self.world.scribe.write(match outcome {
            Outcome::Ok => Line::Ok(done),
            Outcome::Fail => Line::Fail(done),
            Outcome::Info => Line::Info(done),
        });
        told
    }

    /// A target that this client is connected to: the preferred one, or the next that answers.
    async fn reach(&mut self, preferred: usize) -> Option<usize> {
        let count = self.lines.len();
        loop {
            for target in (preferred..preferred + count).map(|target| target % count) {
                if self.lines[target].as_ref().is_some_and(Connection::is_usable) {
                    return Some(target);
                }
                self.lines[target] = None;
                if self.world.is_away(target) {
                    continue;
                }
                let connecting = Connection::open(&self.world.targets[target], CONNECT_LIMIT);
                if let Ok(line) = connecting.await {
                    self.lines[target] = Some(line);
                    return Some(target);
                }
                self.world.found_away(target);
            }
            if Instant::now() >= self.end() {
                return None;
            }
            sleep(AWAY_PAUSE).await;
        }
    }
}
