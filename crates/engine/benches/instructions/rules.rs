//! The rules alone: a batch of 64 commands decided, applied, and turned into changes.

use std::hint::black_box;

use poltrona_domain::{Actor, Changes, Command, Facts, Seat, SeatState, Timestamp, apply, decide};
use poltrona_engine::Env;

use super::engine::{COMMANDS, HOLD, START, commands, film};
use super::measured;

/// Fresh seats are held.
pub(super) fn reserve() {
    let (facts, reserve, _) = held_by_nobody();
    measured(|| run(facts, &reserve, START));
}

/// Held seats are paid.
pub(super) fn confirm() {
    let (facts, reserve, env) = held_by_nobody();
    let facts = run(facts, &reserve, START);
    let confirm: Vec<_> = facts
        .reservations
        .keys()
        .map(|id| Command::Confirm { reservation: *id, sale: env.ids.sale() })
        .collect();
    measured(|| run(facts, &confirm, START));
}

/// Holds lapse.
pub(super) fn expire() {
    let (facts, reserve, _) = held_by_nobody();
    let facts = run(facts, &reserve, START);
    let lapse = |id| Command::Expire { reservation: id };
    let expire: Vec<_> = facts.reservations.keys().copied().map(lapse).collect();
    measured(|| run(facts, &expire, START.plus(HOLD)));
}

/// The facts of one session per command, and the commands that hold a seat of each.
fn held_by_nobody() -> (Facts, Vec<Command>, Env) {
    let env = Env::simulated(START, 1);
    let films: Vec<_> = (0..COMMANDS).map(|_| film(&env)).collect();
    let reserve = commands(&env, &films);
    let mut facts = Facts::default();
    for command in &reserve {
        for seat in command.reads().seats {
            let free = Seat { id: seat, state: SeatState::Available, version: 0 };
            facts.seats.insert(seat, free);
        }
    }
    facts.sessions.extend(films.into_iter().map(|film| (film.id, film)));
    (facts, reserve, env)
}

/// Decides all commands in order, and gives the facts that they leave.
fn run(mut facts: Facts, commands: &[Command], now: Timestamp) -> Facts {
    let before = facts.clone();
    for command in commands {
        let actor = match command {
            Command::Expire { .. } => Actor::Program,
            _ => Actor::Anyone,
        };
        let events = decide(&facts, &actor, command, now).expect("the rules allow it");
        for event in &events {
            apply(&mut facts, event);
        }
        black_box(events);
    }
    black_box(Changes::between(&before, &facts));
    facts
}
