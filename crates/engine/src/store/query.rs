//! The questions that a store answers, and its answers.

use poltrona_domain::{Seat, Session, Timestamp};
use uuid::Uuid;

/// A session and its seats.
#[derive(Clone, Debug)]
pub struct Room {
    /// The session.
    pub session: Session,
    /// Its seats in their order; `None` when they are as the reader knows them.
    pub seats: Option<Vec<Seat>>,
    /// The revision of its seats; `None` when it cannot be known again.
    pub revision: Option<Revision>,
}

/// The revision of a session's seats, as one server shows it. Equal revisions mean equal rows: each
/// change raises the version of one seat, and no version is ever lowered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Revision {
    /// The server's timeline: the successor of a server that failed may lack its last commits.
    pub(super) timeline: u32,
    /// The sum of the seats' versions.
    pub(super) sum: i64,
}

/// Which part of a list to show.
#[derive(Clone, Copy, Debug)]
pub struct Page {
    /// How many entries at most.
    pub limit: usize,
    /// The last entry of the page before.
    pub after: Option<Uuid>,
}

/// Which sessions to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionFilter {
    /// Part of the film's title, in any case.
    pub movie: Option<String>,
    /// Part of the room's name, in any case.
    pub room: Option<String>,
    /// The earliest start.
    pub from: Option<Timestamp>,
    /// The latest start.
    pub to: Option<Timestamp>,
}

/// Rows as one snapshot shows them, and the time by which their holds are to be read. The time was
/// taken before the snapshot.
#[derive(Clone, Debug)]
pub struct Snapshot<T> {
    /// The rows.
    pub rows: T,
    /// The time.
    pub at: Timestamp,
}

/// A row of the outbox as it is stored.
#[derive(Clone, Debug)]
pub struct OutboxRow {
    /// Its id.
    pub id: Uuid,
    /// When the batch was decided.
    pub created_at: Timestamp,
    /// Its events, a JSON array of envelopes.
    pub events: String,
}

impl<T> Snapshot<T> {
    /// The snapshot with its rows changed.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Snapshot<U> {
        Snapshot { rows: change(self.rows), at: self.at }
    }
}

/// The backlog of the outbox.
#[derive(Clone, Copy, Debug, Default)]
pub struct Backlog {
    /// How many rows.
    pub rows: u64,
    /// When the oldest was written.
    pub oldest: Option<Timestamp>,
}
