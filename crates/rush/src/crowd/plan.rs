//! A run of the crowd: how many clients play which scenario, for how long and at which pace.

use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::caller::Caller;
use super::pace::{Pace, Schedule};
use super::play::{Place, Rounds, play};
use super::world::World;
use crate::scenario::{Mix, Scenario};

/// The settings of the crowd.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) mix: Mix,
    pub(crate) clients: u32,
    pub(crate) seed: u64,
    pub(crate) lasting: Duration,
    /// Requests a second, of all clients together; without it each asks as soon as it was answered.
    pub(crate) rate: Option<u32>,
    pub(crate) think: Duration,
}

impl Plan {
    /// Runs the crowd until its time is over and every client has its last answer. Panics if a
    /// client does.
    pub(crate) async fn run(&self, world: &Rc<World>) {
        let begin = Instant::now();
        world.ends_at(begin + self.lasting);
        let mut clients = JoinSet::new();
        let mut number = 0;
        for (scenario, of) in self.mix.divide(self.clients) {
            let rounds = Rc::new(Rounds::new(of));
            for place in 0..of {
                let place = Place { number: place, of, rounds: Rc::clone(&rounds) };
                let mut caller = self.caller(world, scenario, number, begin);
                clients.spawn_local(async move { play(scenario, &mut caller, &place).await });
                number += 1;
            }
        }
        clients.join_all().await;
    }

    fn caller(&self, world: &Rc<World>, scenario: Scenario, number: u32, begin: Instant) -> Caller {
        let pace = match self.rate {
            None => Pace::Closed,
            Some(rate) => {
                let every =
                    Duration::from_secs(1).mul_f64(f64::from(self.clients) / f64::from(rate));
                Pace::Open(if scenario == Scenario::Duel {
                    Schedule::together(begin, every)
                } else {
                    Schedule::random(begin, every, generator(!self.seed, number))
                })
            }
        };
        Caller::new(world, number, generator(self.seed, number), pace, self.think)
    }
}

/// The generator of one client.
fn generator(seed: u64, number: u32) -> fastrand::Rng {
    // Neighbouring numbers are spread over all seeds, so that no two clients choose alike.
    fastrand::Rng::with_seed(seed ^ (u64::from(number) + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15))
}
