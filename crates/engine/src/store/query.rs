//! The questions that a store answers, and its answers.

use poltrona_domain::{Seat, Session, Timestamp};
use uuid::Uuid;

/// A session and its seats, in their order.
pub type Room = (Session, Vec<Seat>);

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
