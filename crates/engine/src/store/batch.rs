//! What passes between the ledger and a store: what a batch must know, what was found, what it changed.

use std::collections::HashMap;

use poltrona_domain::{Command, Facts, ReservationId, Timestamp};

use super::query::OutboxRow;
use crate::ledger::{NewAnswer, StoredAnswer};

/// Answers by caller and key.
pub type Answers = HashMap<(String, String), StoredAnswer>;

/// What a batch must know before anything is decided.
#[derive(Default)]
pub struct Wanted<'a> {
    /// The commands, in the order in which they will be decided.
    pub commands: Vec<&'a Command>,
    /// The idempotency keys that they came with.
    pub keys: Vec<WantedKey<'a>>,
    /// Whether to give up at once on rows that someone else has locked: for commands that run alone
    /// because something in their batch was blocked.
    pub hurried: bool,
}

/// An idempotency key whose answer may be stored.
#[derive(Clone, Copy, Debug)]
pub struct WantedKey<'a> {
    /// Whose it is.
    pub owner: KeyOwner<'a>,
    /// The key as the client sent it.
    pub key: &'a str,
}

/// Whose a key is.
#[derive(Clone, Copy, Debug)]
pub enum KeyOwner<'a> {
    /// Someone whom the request names.
    Named(&'a str),
    /// The user of this reservation.
    OfReservation(ReservationId),
}

/// What was found.
pub struct Loaded {
    /// The rows. What is absent does not exist.
    pub facts: Facts,
    /// The answers that were given for the keys, and still count.
    pub answers: Answers,
    /// When the batch is decided: read after every lock was taken, in milliseconds.
    pub now: Timestamp,
    /// Commands, by their place in the batch, about rows that came into being after the locks were
    /// taken. They cannot be decided in this transaction.
    pub unlocked: Vec<usize>,
}

/// What a batch came to.
pub struct Changes {
    /// The rows as they were found.
    pub before: Facts,
    /// The rows as the batch leaves them.
    pub after: Facts,
    /// Its events, for the outbox. None when nothing happened.
    pub events: Option<OutboxRow>,
    /// Answers to be kept for their keys.
    pub answers: Vec<NewAnswer>,
    /// When it was decided.
    pub now: Timestamp,
}

impl Loaded {
    /// Since when stored answers count.
    pub(super) fn answers_since(now: Timestamp) -> Timestamp {
        let ttl = i64::try_from(crate::ledger::KEY_TTL.as_millis()).unwrap_or(i64::MAX);
        Timestamp::from_millis(now.as_millis().saturating_sub(ttl))
    }
}
