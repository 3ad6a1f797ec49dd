//! Values that pass between the ledger and a store.

use std::sync::Arc;

use poltrona_domain::{Changes, Command, Facts, ReadSet, Timestamp};

use super::answer::{Answers, KeyLookup, NewAnswer};
use crate::event::EventBatch;

/// The rows that a batch needs before anything is decided.
#[derive(Default)]
pub struct BatchReads<'a> {
    /// The commands, in the order in which they will be decided.
    pub commands: Vec<&'a Command>,
    /// The rows that they need together.
    pub rows: ReadSet,
    /// The idempotency keys that they came with.
    pub keys: Vec<KeyLookup<'a>>,
    /// Whether to give up at once on rows that someone else has locked: for commands that run alone
    /// because something in their batch was blocked.
    pub short_lock_timeout: bool,
}

/// The rows that a store found.
pub struct Loaded {
    /// The rows. What is absent does not exist.
    pub facts: Facts,
    /// The answers that are recorded for the keys, and still count.
    pub answers: Answers,
    /// When the batch is decided: read after every lock was taken, in milliseconds.
    pub now: Timestamp,
    /// Commands, by their place in the batch, about rows that came into being after the locks were
    /// taken. They cannot be decided in this transaction.
    pub deferred: Vec<usize>,
}

/// The writes of a decided batch.
pub struct BatchWrites {
    /// The rows as they were found.
    pub before: Facts,
    /// The rows as the batch leaves them.
    pub after: Facts,
    /// Its events, for the outbox. `None` when nothing happened.
    pub events: Option<Arc<EventBatch>>,
    /// Answers to be recorded for their keys.
    pub answers: Vec<NewAnswer>,
    /// When it was decided.
    pub now: Timestamp,
}

impl<'a> BatchReads<'a> {
    /// The rows that these commands need, which came with these keys.
    pub fn of(commands: Vec<&'a Command>, keys: Vec<KeyLookup<'a>>) -> Self {
        let rows = ReadSet::of(commands.iter().copied());
        Self { commands, rows, keys, short_lock_timeout: false }
    }

    /// The commands, by their place, that cannot be decided by these facts.
    pub(super) fn deferred(&self, facts: &Facts) -> Vec<usize> {
        let places = self.commands.iter().enumerate();
        let lacking = places.filter(|(_, command)| !command.reads().is_covered_by(facts));
        lacking.map(|(place, _)| place).collect()
    }
}

impl BatchWrites {
    /// The rows to be written.
    pub fn changes(&self) -> Changes<'_> {
        Changes::between(&self.before, &self.after)
    }
}
