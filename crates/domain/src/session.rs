//! A session: one showing of a film in a room.

use std::ops::RangeInclusive;

use crate::id::SessionId;
use crate::layout::Layout;
use crate::money::Cents;
use crate::time::Timestamp;

/// One showing of a film in a room, and what a ticket for it costs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Its id.
    pub id: SessionId,
    /// The film's title.
    pub movie: String,
    /// The room's name.
    pub room: String,
    /// When the film starts. A past session stays sellable: the box office sells to latecomers.
    pub starts_at: Timestamp,
    /// The price of one ticket now; held and sold tickets keep the price they were made at.
    pub price: Cents,
    /// Which seats the room has.
    pub layout: Layout,
    /// How often film, room, start or price were set, opening included. Holds and sales do not count.
    pub version: u32,
    /// When they were last set.
    pub changed_at: Timestamp,
    /// When the session was opened.
    pub created_at: Timestamp,
    /// When the session was closed; a closed session sells nothing and is not found any more.
    pub closed_at: Option<Timestamp>,
}

impl Session {
    /// The longest film or room name, in characters.
    pub const TEXT_MAX_CHARS: usize = 200;
    /// When a session may start: from 2000-01-01 up to the last millisecond of 2100, UTC.
    pub const STARTS_AT: RangeInclusive<Timestamp> =
        Timestamp::from_millis(946_684_800_000)..=Timestamp::from_millis(4_133_980_799_999);

    /// The version of a session that was never changed.
    pub const FIRST_VERSION: u32 = 1;

    /// The showing as it is now.
    pub fn showing(&self) -> Showing {
        Showing {
            version: self.version,
            movie: self.movie.clone(),
            room: self.room.clone(),
            starts_at: self.starts_at,
        }
    }

    /// Whether it can be seen and sold.
    pub const fn is_open(&self) -> bool {
        self.closed_at.is_none()
    }
}

/// Film, room and start of a session, as they were when its seats were held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Showing {
    /// The session's version then.
    pub version: u32,
    /// The film's title.
    pub movie: String,
    /// The room's name.
    pub room: String,
    /// When the film starts.
    pub starts_at: Timestamp,
}

/// The condition under which a session is changed, so that no editor overwrites another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Precondition {
    /// It has one of these versions; `None` for any.
    pub versions: Option<Vec<u32>>,
    /// It was not changed after this; `None` for any time.
    pub unchanged_since: Option<Timestamp>,
}

/// The fields of a session to change; `None` leaves a field as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionChange {
    /// A new film title.
    pub movie: Option<String>,
    /// A new room name.
    pub room: Option<String>,
    /// A new start.
    pub starts_at: Option<Timestamp>,
    /// A new price, for tickets not yet held.
    pub price: Option<Cents>,
}

impl Precondition {
    /// Whether the session is as required.
    pub fn holds_for(&self, session: &Session) -> bool {
        let has_version = |versions: &Vec<u32>| versions.contains(&session.version);
        self.versions.as_ref().is_none_or(has_version)
            && self.unchanged_since.is_none_or(|since| session.changed_at <= since)
    }
}

impl SessionChange {
    /// The session as it is after the change, made at `now`.
    #[must_use]
    pub fn of(&self, session: &Session, now: Timestamp) -> Session {
        let SessionChange { movie, room, starts_at, price } = self.clone();
        Session {
            movie: movie.unwrap_or_else(|| session.movie.clone()),
            room: room.unwrap_or_else(|| session.room.clone()),
            starts_at: starts_at.unwrap_or(session.starts_at),
            price: price.unwrap_or(session.price),
            version: session.version + 1,
            changed_at: now,
            ..session.clone()
        }
    }
}
