//! One step of a story as a store is asked for it, and the answers.

use poltrona_domain::{Command, Event, ReservationId, Timestamp};
use poltrona_engine::ledger::{Error, Key};
use poltrona_engine::store::answer::RecordedAnswer;

/// The commands that a store gets at once.
pub(super) enum Move {
    Batch { people: Vec<(Command, Option<Key>)>, expire: Vec<ReservationId> },
    Deliver { rows: usize, twice: bool, strike: Option<bool> },
    Forget { before: Timestamp },
    Wait,
}

/// An answer that can be compared.
#[derive(Debug, PartialEq)]
pub(super) enum Answered {
    Done(Vec<Event>),
    Replayed(RecordedAnswer),
    No(Error),
}

/// The answer that is kept for a key.
pub(super) fn render(events: &[Event]) -> RecordedAnswer {
    let location = events.first().map(|event| format!("/{}", event.name()));
    RecordedAnswer { status: 201, location, body: format!("{events:?}").into() }
}

/// A move for a store, and the answers that it must give.
pub(super) struct Expected {
    pub(super) next: Move,
    pub(super) answers: Vec<Answered>,
}
