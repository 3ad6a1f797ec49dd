//! The rows that a batch changed.

use std::collections::BTreeMap;

use crate::facts::Facts;
use crate::reservation::Reservation;
use crate::sale::Sale;
use crate::seat::Seat;
use crate::session::Session;

/// The difference between the facts before a batch and after it: each row once, as the batch leaves
/// it, in the order of its key. Equal facts give equal changes in equal order.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Changes<'a> {
    /// Sessions that did not exist.
    pub new_sessions: Vec<&'a Session>,
    /// Sessions that existed before.
    pub changed_sessions: Vec<ChangedSession<'a>>,
    /// Sessions as they were before each change; reservations refer to them by version.
    pub past_sessions: Vec<&'a Session>,
    /// Seats that did not exist.
    pub new_seats: Vec<&'a Seat>,
    /// Seats that existed before.
    pub changed_seats: Vec<ChangedSeat<'a>>,
    /// Reservations that did not exist.
    pub new_reservations: Vec<&'a Reservation>,
    /// Reservations that existed before.
    pub changed_reservations: Vec<&'a Reservation>,
    /// Sales, which are all new: none is ever changed.
    pub new_sales: Vec<&'a Sale>,
}

/// A session as the batch leaves it, and its version before: a store overwrites only that version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChangedSession<'a> {
    /// The session.
    pub session: &'a Session,
    /// The version that was read.
    pub read_version: u32,
}

/// A seat as the batch leaves it, and its version before: a store overwrites only that version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChangedSeat<'a> {
    /// The seat.
    pub seat: &'a Seat,
    /// The version that was read.
    pub read_version: i64,
}

impl<'a> Changes<'a> {
    /// The rows of `after` that are new or differ from `before`.
    pub fn between(before: &'a Facts, after: &'a Facts) -> Self {
        let (new_sessions, changed_sessions) = rows(&before.sessions, &after.sessions);
        let (past_sessions, _) = rows(&before.past_sessions, &after.past_sessions);
        let (new_seats, changed_seats) = rows(&before.seats, &after.seats);
        let (new_reservations, changed_reservations) =
            rows(&before.reservations, &after.reservations);
        let (new_sales, _) = rows(&before.sales, &after.sales);
        let seat =
            |it: Changed<'a, Seat>| ChangedSeat { seat: it.now, read_version: it.was.version };
        let session = |it: Changed<'a, Session>| ChangedSession {
            session: it.now,
            read_version: it.was.version,
        };
        Self {
            new_sessions,
            changed_sessions: changed_sessions.into_iter().map(session).collect(),
            past_sessions,
            new_seats,
            changed_seats: changed_seats.into_iter().map(seat).collect(),
            new_reservations,
            changed_reservations: changed_reservations.into_iter().map(|it| it.now).collect(),
            new_sales,
        }
    }
}

/// A row that existed before and is another now.
struct Changed<'a, T> {
    was: &'a T,
    now: &'a T,
}

fn rows<'a, K: Ord, T: PartialEq>(
    before: &'a BTreeMap<K, T>,
    after: &'a BTreeMap<K, T>,
) -> (Vec<&'a T>, Vec<Changed<'a, T>>) {
    let (mut new, mut changed) = (Vec::new(), Vec::new());
    for (key, now) in after {
        match before.get(key) {
            None => new.push(now),
            Some(was) if was != now => changed.push(Changed { was, now }),
            Some(_) => {}
        }
    }
    (new, changed)
}
