//! The crowd: many clients on one thread, each with its own choices.
//!
//! One thread does, because asking costs a fraction of what answering costs; and the clock, the
//! numbering and the sessions that all share need no locks.

pub(crate) mod caller;
pub(crate) mod pace;
pub(crate) mod probe;
pub(crate) mod scribe;
pub(crate) mod world;

use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use self::caller::Caller;
use self::pace::{Pace, Schedule};
use self::world::World;
use crate::scenario::{self, Mix, Place, Rounds, Scenario};

/// What the crowd is to do.
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

/// Lets the crowd loose until its time is over and everyone has heard their last answer.
pub(crate) async fn run(world: &Rc<World>, plan: &Plan) {
    let begin = Instant::now();
    world.ends_at(begin + plan.lasting);
    let mut clients = JoinSet::new();
    let mut number = 0;
    for (scenario, of) in plan.mix.divide(plan.clients) {
        let rounds = Rc::new(Rounds::new(of));
        for place in 0..of {
            let place = Place { number: place, of, rounds: Rc::clone(&rounds) };
            let mut caller = plan.caller(world, scenario, number, begin);
            clients.spawn_local(async move { scenario::play(scenario, &mut caller, &place).await });
            number += 1;
        }
    }
    finish(&mut clients).await;
}

/// Waits until all are done; one that panicked takes the run with it.
pub(crate) async fn finish<T: 'static>(tasks: &mut JoinSet<T>) {
    while let Some(done) = tasks.join_next().await {
        if let Err(error) = done
            && let Ok(panic) = error.try_into_panic()
        {
            std::panic::resume_unwind(panic);
        }
    }
}

impl Plan {
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
