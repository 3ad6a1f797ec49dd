//! Answers recorded for idempotency keys, in the transaction of their effect.
//!
//! To the engine an answer is opaque: the caller of a change brings the function that makes it, and
//! gets it back for an equal request.

use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;
use poltrona_domain::{Command, Facts, ReservationId, Timestamp};

/// How long a recorded answer counts.
pub const KEY_TTL: Duration = Duration::from_hours(24);

/// A success as it was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedAnswer {
    /// Its status, in the caller's terms.
    pub status: u16,
    /// Where the thing that was made can be found.
    pub location: Option<String>,
    /// The body, byte for byte.
    pub body: Bytes,
}

/// A recorded answer, and to what it was given.
#[derive(Clone, Debug)]
pub struct StoredAnswer {
    /// A hash of the request.
    pub fingerprint: [u8; 32],
    /// The answer.
    pub answer: RecordedAnswer,
}

/// An answer to be recorded.
#[derive(Clone, Debug)]
pub struct NewAnswer {
    /// The owner of the key.
    pub caller: String,
    /// The key.
    pub key: String,
    /// The answer to record.
    pub stored: StoredAnswer,
}

/// Recorded answers by caller and key.
pub type Answers = HashMap<(String, String), StoredAnswer>;

/// The owner of an idempotency key: equal keys of different owners are different keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyScope {
    /// A caller whom the request names.
    Named(String),
    /// The user of the reservation that the command is about.
    OfReservation,
}

/// A key whose answer may be recorded.
#[derive(Clone, Copy, Debug)]
pub struct KeyLookup<'a> {
    /// The owner.
    pub owner: KeyOwner<'a>,
    /// The key.
    pub key: &'a str,
}

/// The owner of a key.
#[derive(Clone, Copy, Debug)]
pub enum KeyOwner<'a> {
    /// A caller by name.
    Named(&'a str),
    /// The user of this reservation.
    OfReservation(ReservationId),
}

impl KeyScope {
    /// Whose a key in this scope is, that came with `command`; `None` when the command is about no
    /// reservation.
    pub fn owner(&self, command: &Command) -> Option<KeyOwner<'_>> {
        match self {
            Self::Named(name) => Some(KeyOwner::Named(name)),
            Self::OfReservation => command.reservation().map(KeyOwner::OfReservation),
        }
    }
}

impl<'a> KeyOwner<'a> {
    /// The owner's name; `None` while the reservation that names it does not exist.
    pub fn name(self, facts: &'a Facts) -> Option<&'a str> {
        match self {
            Self::Named(name) => Some(name),
            Self::OfReservation(id) => facts.reservations.get(&id).map(|it| it.user.as_str()),
        }
    }
}

/// Since when recorded answers count, at `now`.
pub(super) fn answers_since(now: Timestamp) -> Timestamp {
    let ttl = i64::try_from(KEY_TTL.as_millis()).unwrap_or(i64::MAX);
    Timestamp::from_millis(now.as_millis().saturating_sub(ttl))
}
