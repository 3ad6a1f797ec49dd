//! Everything known of one reservation, and for how long its hold surely and possibly lasts.
//!
//! All times are the clients' own. A server makes a hold somewhere between the request's first byte
//! and the answer's last: surely it lasts from the answer to the request plus its length, possibly
//! from the request to the answer plus its length.

use uuid::Uuid;

use super::fact::Fact;
use crate::history::Micros;

/// How much later than its end a hold may still be noticed (promise: two seconds).
pub(super) const SLACK: Micros = 2_000_000;

/// How long after it was given up a request may still take effect: nothing on the way (a paused
/// process, a proxy, a kernel's buffer) is known to keep one longer.
pub(super) const LINGER: Micros = 60_000_000;

/// How long a reservation is remembered after its end, in case a late request pays for it.
pub(super) const REMEMBER: Micros = 30_000_000;

/// How far two clocks may differ over a hold: the server truncates to milliseconds, clocks drift.
pub(super) const fn margin(hold: Micros) -> Micros {
    5_000 + hold / 1_000
}

/// A sale that is known: by its own answer, or because a read showed it.
#[derive(Clone, Debug)]
pub(super) struct Sold {
    /// The time from which every read must show it.
    pub(super) at: Micros,
    /// Its id.
    pub(super) sale: Option<Uuid>,
    /// Its price.
    pub(super) total: Option<i64>,
    /// The operation that shows it.
    pub(super) fact: Fact,
}

/// Requests of one kind about one reservation.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tries {
    /// How many are in flight.
    pub(super) open: u32,
    /// Whether one was given up.
    pub(super) unknown: bool,
    /// When the last was answered.
    pub(super) last_end: Option<Micros>,
}

impl Tries {
    /// Whether one may have taken effect without the history saying so.
    pub(super) const fn possible(self) -> bool {
        self.open > 0 || self.unknown
    }
}

/// One reservation.
#[derive(Clone, Debug)]
pub(super) struct Claim {
    pub(super) user: Box<str>,
    pub(super) session: u32,
    pub(super) seats: Box<[u32]>,
    pub(super) total: Option<i64>,
    /// The reserve that made it; `None` when it is known only by requests about it.
    pub(super) grant: Option<Fact>,
    /// The earliest moment at which it can have been made.
    pub(super) first: Micros,
    /// When it was known to be made.
    pub(super) known: Micros,
    /// Until when it surely lasts, unless a request ends it.
    pub(super) sure_until: Micros,
    /// Until when it possibly lasts.
    pub(super) possible_until: Micros,
    pub(super) confirms: Tries,
    pub(super) cancels: Tries,
    pub(super) extends: Tries,
    pub(super) cancelled: Option<Micros>,
    pub(super) sale: Option<Sold>,
}

impl Claim {
    /// A reservation that is known only by requests about it.
    pub(super) fn stub(user: &str, session: u32, seats: &[u32]) -> Self {
        Self {
            user: user.into(),
            session,
            seats: seats.into(),
            total: None,
            grant: None,
            first: 0,
            known: Micros::MAX,
            sure_until: 0,
            possible_until: Micros::MAX,
            confirms: Tries::default(),
            cancels: Tries::default(),
            extends: Tries::default(),
            cancelled: None,
            sale: None,
        }
    }

    /// Whether it was surely held, or sold, at every moment from `from` to `to`.
    pub(super) fn surely_throughout(&self, from: Micros, to: Micros) -> bool {
        self.known < from && to < self.sure_until && !self.maybe_cancelled()
    }

    /// Whether it may have been cancelled.
    pub(super) const fn maybe_cancelled(&self) -> bool {
        self.cancelled.is_some() || self.cancels.possible()
    }

    /// Whether it may be paid, or may yet turn out to be.
    pub(super) const fn maybe_sold(&self) -> bool {
        self.sale.is_some() || self.confirms.possible()
    }

    /// Until when a request of another client may be refused because of it.
    pub(super) const fn in_the_way_until(&self) -> Micros {
        if self.extends.open > 0 {
            return Micros::MAX;
        }
        match self.cancelled {
            Some(at) if at < self.possible_until => at.saturating_add(SLACK),
            _ => self.possible_until.saturating_add(SLACK),
        }
    }

    /// Whether it is known only by requests that were refused.
    pub(super) const fn is_idle_stub(&self) -> bool {
        self.grant.is_none()
            && !self.maybe_sold()
            && !self.cancels.possible()
            && !self.extends.possible()
    }
}
