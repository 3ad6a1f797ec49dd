//! Linearizability: whether the answers about one seat fit into one order.
//!
//! The other checks each look at one kind of lie. This search knows only how a seat behaves (free,
//! held, sold) and tries every order that the times allow, after Wing and Gong; it finds what no
//! single check foresaw. Which operations are steps of which seat is decided by its caller.

use std::collections::{HashMap, HashSet};

use uuid::Uuid;

use super::{
    claim::{SLACK, margin},
    fact::Fact,
};
use crate::history::{Action, Micros, Outcome};

/// Longer histories are not searched: the orders are too many.
const STEPS: usize = 12;
/// How many seats are searched at most.
const SEATS: usize = 20_000;
/// How many states are visited for one seat before its search is given up.
const STATES: usize = 20_000;

/// One operation on the seat.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) fact: Fact,
    pub(super) first: Micros,
    pub(super) reservation: Option<Uuid>,
    pub(super) hold: Option<Micros>,
    /// Whether a refusal proves that this seat was taken: a group's does not name the seat.
    pub(super) telling: bool,
}

impl Step {
    /// The time by which it had surely happened, if it did.
    const fn end(&self) -> Micros {
        match self.fact.outcome {
            Outcome::Info => Micros::MAX,
            _ => self.fact.done,
        }
    }
}

/// The seats being watched, each from its first step on; `None` is one whose history became too
/// long.
#[derive(Debug, Default)]
pub(super) struct Samples {
    seats: HashMap<u32, Option<Vec<Step>>>,
    watched: usize,
    /// Whether the limit was once reached. From then on no seat is added: it may lack early steps.
    full: bool,
}

impl Samples {
    /// Stops watching a seat that clients outside the crowd may have.
    pub(super) fn leave_out(&mut self, seat: u32) {
        if let Some(Some(_)) = self.seats.insert(seat, None) {
            self.watched -= 1;
        }
    }

    /// Adds a step of a seat, unless the seat is not watched.
    pub(super) fn note(&mut self, seat: u32, step: &Step) {
        self.full |= self.watched >= SEATS;
        if self.full && !self.seats.contains_key(&seat) {
            return;
        }
        let steps = self.seats.entry(seat).or_insert_with(|| {
            self.watched += 1;
            Some(Vec::new())
        });
        match steps {
            Some(full) if full.len() == STEPS => {
                *steps = None;
                self.watched -= 1;
            }
            Some(steps) => steps.push(step.clone()),
            None => {}
        }
    }

    /// The seats whose steps are all known, in order, each with its steps.
    pub(super) fn take(&mut self) -> Vec<(u32, Vec<Step>)> {
        let seats = std::mem::take(&mut self.seats).into_iter();
        let mut whole: Vec<_> = seats.filter_map(|(seat, steps)| Some((seat, steps?))).collect();
        whole.sort_unstable_by_key(|(seat, _)| *seat);
        whole
    }
}

/// The state of a seat between two steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum State {
    Free,
    /// Held by the reservation that this step made, surely and possibly until then.
    Held {
        by: usize,
        sure: Micros,
        possible: Micros,
    },
    Sold {
        by: usize,
    },
}

/// Whether the steps fit into an order; `None` when the search was given up.
pub(super) fn fits(steps: &[Step]) -> Option<bool> {
    let steps: Vec<_> = steps.iter().filter(|step| is_telling(step, steps)).collect();
    let must: u16 = mask(&steps, |step| step.fact.outcome != Outcome::Info);
    let mut seen = HashSet::new();
    let mut waiting = vec![(0_u16, State::Free)];
    while let Some((done, state)) = waiting.pop() {
        if done & must == must {
            return Some(true);
        }
        if !seen.insert((done, state)) {
            continue;
        }
        if seen.len() > STATES {
            return None;
        }
        // No step may go before one that had ended when it began.
        let earliest_end = (0..steps.len())
            .filter(|place| done & (1 << place) == 0)
            .map(|place| steps[place].end())
            .min();
        for place in 0..steps.len() {
            let step = steps[place];
            if done & (1 << place) != 0 || Some(step.first) > earliest_end {
                continue;
            }
            let next = done | 1 << place;
            if step.fact.outcome == Outcome::Info {
                waiting.push((next, state));
            }
            let lapsed = match state {
                State::Held { sure, .. } if step.end() >= sure => Some(State::Free),
                _ => None,
            };
            let lasting = match state {
                State::Held { possible, .. } if step.first > possible.saturating_add(SLACK) => None,
                _ => Some(state),
            };
            let after = lapsed.into_iter().chain(lasting).filter_map(|s| apply(&steps, place, s));
            waiting.extend(after.map(|state| (next, state)));
        }
    }
    Some(false)
}

fn mask(steps: &[&Step], is: impl Fn(&Step) -> bool) -> u16 {
    (0..steps.len()).filter(|&place| is(steps[place])).fold(0, |mask, place| mask | 1 << place)
}

/// Whether a step proves anything about the seat's state. A refusal proves nothing while another
/// request for the seat was under way, or just after a cancel was answered.
fn is_telling(step: &Step, steps: &[Step]) -> bool {
    if step.fact.action != Action::Reserve || step.fact.outcome != Outcome::Fail {
        return true;
    }
    step.telling
        && !steps.iter().filter(|other| other.fact.op != step.fact.op).any(|other| {
            let end = match other.fact.action {
                Action::Reserve => other.end(),
                Action::Cancel => other.end().saturating_add(SLACK),
                _ => return false,
            };
            other.first <= step.fact.done && end >= step.first
        })
}

/// The state after a step took effect; `None` if its answer was impossible in `state`.
fn apply(steps: &[&Step], place: usize, state: State) -> Option<State> {
    let step = steps[place];
    let its = |by: usize| {
        // A step that made a reservation of unknown id may have made any.
        let made = steps[by].reservation;
        made.is_none() || made == step.reservation
    };
    match (step.fact.action, step.fact.outcome) {
        (Action::Reserve, Outcome::Fail) => (state != State::Free).then_some(state),
        (Action::Reserve, _) => (state == State::Free).then(|| {
            let ends = step.hold.filter(|_| step.fact.outcome == Outcome::Ok).map(|hold| {
                ((step.first + hold).saturating_sub(margin(hold)), step.fact.done + hold)
            });
            let (sure, possible) = ends.unwrap_or((0, Micros::MAX));
            State::Held { by: place, sure, possible }
        }),
        (Action::Confirm, Outcome::Fail) => match state {
            State::Held { by, .. } if steps[by].reservation == step.reservation => None,
            _ => Some(state),
        },
        (Action::Confirm, _) => match state {
            State::Held { by, .. } | State::Sold { by } if its(by) => Some(State::Sold { by }),
            _ => None,
        },
        (Action::Cancel, _) => match state {
            State::Held { by, .. } if its(by) => Some(State::Free),
            State::Sold { by } if its(by) => None,
            _ => Some(state),
        },
        (Action::Extend, _) => match state {
            State::Held { by, sure, possible } if its(by) => {
                let made = steps[by];
                let (sure, possible) = match step.hold {
                    Some(hold) if made.fact.outcome == Outcome::Ok => (
                        sure.max((made.first + hold).saturating_sub(margin(hold))),
                        possible.max(made.fact.done + hold),
                    ),
                    _ => (sure, Micros::MAX),
                };
                Some(State::Held { by, sure, possible })
            }
            _ => None,
        },
        _ => Some(state),
    }
}
