//! The rows that commands need.

use std::collections::BTreeSet;

use crate::command::Command;
use crate::facts::Facts;
use crate::id::{ReservationId, SeatId, SessionId};

/// The rows that deciding some commands needs, in the order of their keys: in that order stores lock
/// them, so that no two batches wait for each other.
///
/// Locked rows cannot change until the batch ends. Rows that are only read may: a rule that could
/// not bear that asks for a lock.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReadSet {
    /// Sessions, only read.
    pub sessions: BTreeSet<SessionId>,
    /// Sessions, locked before any seat.
    pub locked_sessions: BTreeSet<SessionId>,
    /// Seats, locked, each with the user of the reservation that holds it, read.
    pub seats: BTreeSet<SeatId>,
    /// Sessions of which every seat is locked.
    pub whole_sessions: BTreeSet<SessionId>,
    /// Reservations, only read, each with its session, read, and its seats, locked. Every writer of
    /// a reservation locks its seats.
    pub reservations: BTreeSet<ReservationId>,
}

impl ReadSet {
    /// The rows that all of these commands need.
    pub fn of<'a>(commands: impl IntoIterator<Item = &'a Command>) -> Self {
        let mut rows = Self::default();
        commands.into_iter().for_each(|command| rows.add(command));
        rows
    }

    fn add(&mut self, command: &Command) {
        match command {
            Command::OpenSession(_) => {}
            Command::UpdateSession { session, .. } => {
                self.locked_sessions.insert(*session);
            }
            Command::CloseSession { session, .. } => {
                self.locked_sessions.insert(*session);
                self.whole_sessions.insert(*session);
            }
            Command::Reserve { seats, .. } => {
                self.sessions.insert(seats.session());
                self.seats.extend(seats.ids());
            }
            Command::Confirm { reservation, .. }
            | Command::Cancel { reservation }
            | Command::Extend { reservation, .. }
            | Command::Expire { reservation } => {
                self.reservations.insert(*reservation);
            }
        }
    }

    /// Whether no row is needed.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether `facts` hold every existing seat of the set, so that the commands can be decided.
    /// Seats are missing when their reservation was created between a store's look-up of its seats
    /// and the lock on them.
    pub fn is_covered_by(&self, facts: &Facts) -> bool {
        let is_there = |seat: &SeatId| facts.seats.contains_key(seat);
        let exists = |seat: &SeatId| {
            let session = facts.sessions.get(&seat.session());
            session.is_some_and(|session| session.layout.contains(seat.no()))
        };
        let is_whole = |id: &SessionId| {
            let numbers = facts.open_session(*id).map(|session| session.layout.numbers());
            numbers.into_iter().flatten().all(|no| is_there(&id.seat(no)))
        };
        let has_its_seats = |id: &ReservationId| {
            let found = facts.reservations.get(id);
            found.is_none_or(|reservation| reservation.seat_ids().all(|seat| is_there(&seat)))
        };
        self.seats.iter().all(|seat| is_there(seat) || !exists(seat))
            && self.whole_sessions.iter().all(is_whole)
            && self.reservations.iter().all(has_its_seats)
    }
}

impl Command {
    /// The rows that deciding this command needs.
    pub fn reads(&self) -> ReadSet {
        ReadSet::of([self])
    }
}
