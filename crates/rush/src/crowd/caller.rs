//! One client: who it is just now, what it can want, and what it holds. How it asks is its
//! submodule's.

mod ask;

use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::time::sleep_until;

use super::pace::Pace;
use super::world::{Hall, World};

use crate::client::Connection;
use crate::history::{Action, Outcome};
use crate::scenario;

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
    pub(crate) async fn pause(&mut self, lasting: Duration) -> Option<()> {
        self.pace.rest(lasting);
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
}
