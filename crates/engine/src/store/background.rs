//! Writes beside the commands: by the relay, the projections and the retention.

use std::collections::BTreeMap;

use poltrona_domain::Timestamp;
use uuid::Uuid;

/// A write that no rule decides. Each runs in one transaction, and may run again when that fails.
#[derive(Clone, Debug)]
pub enum BackgroundWrite {
    /// Removes outbox rows that were delivered.
    DeleteOutbox {
        /// Which rows.
        rows: Vec<Uuid>,
        /// Effects to be added in the same transaction, of those rows that are still there: so each row
        /// acts once, without an inbox.
        effects: Vec<(Projection, Effect)>,
    },
    /// Adds the effects of messages to a projection. Messages that it had before change nothing.
    Project {
        /// Which projection.
        projection: Projection,
        /// The rows that each message adds.
        effects: Vec<Effect>,
        /// Whether to wait for the disk: needed when the message is gone once it was taken, as from
        /// a broker. Other writes lost in a crash come again from the outbox.
        synced: bool,
    },
    /// Stores the folded texts of sessions that an older program wrote.
    FoldTexts {
        /// How many rows at most.
        lot: u16,
    },
    /// Removes one lot of rows that nobody needs any more.
    Purge {
        /// Of which kind.
        kind: Purgeable,
        /// Rows older than this are deleted.
        before: Timestamp,
        /// How many rows at most.
        lot: u16,
    },
}

/// A table that follows the events, and that pages and reports read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Projection {
    /// `session_stats`: seats, held, sold and revenue of each open session.
    SessionStats,
    /// `sales_by_hour`.
    SalesByHour,
}

/// Kinds of rows that are removed when they are old.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purgeable {
    /// Answers kept for idempotency keys.
    Answers,
    /// Reservations that lapsed or were cancelled.
    Reservations,
    /// The ids of messages that a projection has taken.
    Inbox,
}

/// The rows that one message adds to a projection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effect {
    /// The message's id: the outbox row's.
    pub message: Uuid,
    /// When its batch was decided.
    pub created_at: Timestamp,
    /// By session; empty for other projections.
    pub sessions: BTreeMap<Uuid, SessionChange>,
    /// By the hour's first millisecond; empty for other projections.
    pub hours: BTreeMap<i64, HourChange>,
}

/// The amounts that events add to a session's row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SessionChange {
    /// Seats that the session has.
    pub seats: i64,
    /// Seats held.
    pub held: i64,
    /// Seats sold.
    pub sold: i64,
    /// Money taken, in cents.
    pub revenue_cents: i64,
    /// Whether the session was closed.
    pub closed: bool,
}

/// The amounts that events add to an hour's row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HourChange {
    /// Sales made.
    pub sales: i64,
    /// Seats sold.
    pub seats: i64,
    /// Money taken, in cents.
    pub revenue_cents: i64,
}

impl BackgroundWrite {
    /// Whether it must be on the disk before it counts as done.
    pub(super) const fn is_synced(&self) -> bool {
        matches!(self, Self::Project { synced: true, .. })
    }

    /// Whether reservations are among the rows that it removes.
    pub(super) const fn removes_reservations(&self) -> bool {
        matches!(self, Self::Purge { kind: Purgeable::Reservations, .. })
    }
}

impl Projection {
    /// All of them.
    pub const ALL: &[Self] = &[Self::SessionStats, Self::SalesByHour];

    /// Its name in the inbox.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SessionStats => "session_stats",
            Self::SalesByHour => "sales_by_hour",
        }
    }
}

/// The sums of several messages' effects, in the order of their rows, so that all writers lock rows
/// in one order.
pub(super) fn together<'a>(
    effects: impl Iterator<Item = &'a Effect>,
) -> (BTreeMap<Uuid, SessionChange>, BTreeMap<i64, HourChange>) {
    let (mut sessions, mut hours) = (BTreeMap::new(), BTreeMap::new());
    for effect in effects {
        for (session, more) in &effect.sessions {
            let sum: &mut SessionChange = sessions.entry(*session).or_default();
            sum.seats += more.seats;
            sum.held += more.held;
            sum.sold += more.sold;
            sum.revenue_cents += more.revenue_cents;
            sum.closed |= more.closed;
        }
        for (hour, more) in &effect.hours {
            let sum: &mut HourChange = hours.entry(*hour).or_default();
            sum.sales += more.sales;
            sum.seats += more.seats;
            sum.revenue_cents += more.revenue_cents;
        }
    }
    (sessions, hours)
}
