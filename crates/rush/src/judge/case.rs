//! The state of a trial: everything known so far of seats, reservations and keys, and the questions
//! and convictions that all checks share. What an answer proves is decided by the checks.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap, HashSet},
};

use uuid::Uuid;

use super::{
    claim::{Claim, LINGER, REMEMBER, SLACK},
    fact::Fact,
    keys::Keys,
    linear::Samples,
    names::Names,
    seat::Seat,
    verdict::{Evidence, Findings, Promise, Violation},
};
use crate::history::{Completion, Invoke, Micros, Run, Session};

/// A session and where its seats stand.
#[derive(Debug)]
pub(super) struct Show {
    pub(super) id: Uuid,
    pub(super) price: i64,
    pub(super) first: u32,
    pub(super) count: u32,
    /// Whether its map has been seen, or its seats asked for.
    pub(super) begun: bool,
}

/// An operation in flight.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) invoke: Invoke,
    /// The seats that it is about.
    pub(super) seats: Box<[u32]>,
    /// When the first request of its key was sent: the earliest moment at which it took effect.
    pub(super) first: Micros,
    /// Its idempotency key, with its user and action.
    pub(super) key: Option<u128>,
}

/// An operation that ended.
pub(super) struct Ended {
    pub(super) invoke: Invoke,
    pub(super) seats: Box<[u32]>,
    pub(super) first: Micros,
    pub(super) key: Option<u128>,
    pub(super) done: Completion,
    pub(super) fact: Fact,
    /// Whether it repeats the answer that its key had before.
    pub(super) repeats: bool,
}

impl Ended {
    /// Whether it is a refusal because seats are taken.
    pub(super) fn refuses_seats(&self) -> bool {
        let reasons = ["seat_held", "seat_sold", "seats_unavailable"];
        self.fact.status == 409
            && self.done.code.as_deref().is_none_or(|code| reasons.contains(&code))
    }
}

/// The seat or session that a violation is about.
#[derive(Clone, Copy)]
pub(super) enum About {
    Seat(u32),
    Session(u32),
    Nothing,
}

/// Why a request for a seat may honestly have been refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Excuse {
    /// There is none.
    None,
    /// Only an unknown outcome may explain it.
    Doubt,
    /// Another client held it, or was asking for it.
    Known,
}

/// The trial.
#[derive(Debug, Default)]
pub(super) struct Case {
    pub(super) run: Run,
    /// Whether the history's last line is cut off.
    pub(super) torn: bool,
    pub(super) operations: u64,
    pub(super) unknown: u64,
    pub(super) names: Names,
    pub(super) shows: Vec<Show>,
    pub(super) show_of: HashMap<Uuid, u32>,
    pub(super) seats: Vec<Seat>,
    pub(super) seat_of: HashMap<Uuid, u32>,
    pub(super) claims: HashMap<Uuid, Claim>,
    /// When to check whether a reservation can be forgotten.
    ending: BinaryHeap<Reverse<(Micros, Uuid)>>,
    /// Each user's known sales.
    pub(super) bought: HashMap<Box<str>, Vec<Uuid>>,
    pub(super) keys: Keys,
    pub(super) open: HashMap<u64, Open>,
    /// The longest hold in any answer.
    pub(super) longest_hold: Option<Micros>,
    /// Whether a confirm named no seats that are known, so that any seat may be its.
    pub(super) blind_confirm: bool,
    pub(super) findings: Findings,
    pub(super) samples: Samples,
    /// Seats of which a violation is known.
    pub(super) convicted: HashSet<u32>,
    /// The names on the seats, where the server gives them.
    labels: Vec<Option<Box<str>>>,
}

impl Case {
    pub(super) fn open_session(&mut self, session: &Session) {
        let id = self.names.id(&session.id);
        if self.show_of.contains_key(&id) {
            return;
        }
        let number = count(self.shows.len());
        let first = count(self.seats.len());
        let names = session.names.iter().map(|name| Some(name.as_str().into()));
        let names = names.chain(std::iter::repeat(None)).take(session.seats.len());
        self.labels.extend(names);
        for (seat, place) in session.seats.iter().zip(0..) {
            let seat = self.names.id(seat);
            self.seat_of.insert(seat, count(self.seats.len()));
            self.seats.push(Seat::new(seat, number, place));
        }
        let price = session.price_cents;
        self.shows.push(Show { id, price, first, count: count(session.seats.len()), begun: false });
        self.show_of.insert(id, number);
    }

    /// The seats of these ids that are known.
    pub(super) fn seats_named(&mut self, ids: &[String]) -> Vec<u32> {
        ids.iter().filter_map(|id| self.seat_of.get(&self.names.id(id)).copied()).collect()
    }

    /// Schedules a reservation to be forgotten some time after it ends.
    pub(super) fn watch_end(&mut self, id: Uuid, at: Micros) {
        self.ending.push(Reverse((at, id)));
    }

    /// Forgets what can no longer matter at `now`.
    pub(super) fn forget(&mut self, now: Micros) {
        while let Some(&Reverse((at, id))) = self.ending.peek()
            && at < now
        {
            self.ending.pop();
            let Some(claim) = self.claims.get(&id) else { continue };
            let end = claim.in_the_way_until();
            if end >= now {
                let next = if end == Micros::MAX { now + LINGER } else { end };
                self.ending.push(Reverse((next, id)));
                continue;
            }
            for &seat in &claim.seats {
                let seat = &mut self.seats[seat as usize];
                if let Some(place) = seat.holds.iter().position(|&hold| hold == id) {
                    seat.holds.swap_remove(place);
                    seat.held_until = seat.held_until.max(Some(end));
                }
            }
            if claim.sale.is_some() || claim.confirms.unknown {
                continue;
            }
            if claim.confirms.open > 0 || claim.cancels.open > 0 {
                self.ending.push(Reverse((now + LINGER, id)));
            } else if end.saturating_add(REMEMBER) < now {
                self.claims.remove(&id);
            } else {
                self.ending.push(Reverse((end + REMEMBER, id)));
            }
        }
    }

    /// The excuse for refusing a request for `seat` that was sent at `since` and is answered now;
    /// `asking` is how many of the seat's requests in flight are its own.
    pub(super) fn excuse(&self, seat: u32, since: Micros, asking: u32) -> Excuse {
        let seat = &self.seats[seat as usize];
        let held = |id: &Uuid| self.claims.get(id).is_some_and(|c| c.in_the_way_until() >= since);
        if seat.sold.is_some()
            || seat.in_the_way >= since
            || seat.asking > asking
            || seat.asked_until >= Some(since)
            || seat.held_until >= Some(since)
            || seat.holds.iter().any(held)
        {
            return Excuse::Known;
        }
        let unknown = seat.lost().is_some_and(|given_up| {
            self.longest_hold.is_none_or(|hold| given_up + LINGER + hold + SLACK >= since)
        });
        if unknown || seat.maybe_sold() { Excuse::Doubt } else { Excuse::None }
    }

    /// A reservation other than `than` that surely had the seat from `from` to `to`.
    pub(super) fn other_holder(
        &self,
        seat: u32,
        than: Uuid,
        from: Micros,
        to: Micros,
    ) -> Option<(Uuid, &Claim)> {
        let seat = &self.seats[seat as usize];
        if to >= seat.surely_until {
            return None;
        }
        let holds = seat.holds.iter().filter(|&&id| id != than);
        holds
            .filter_map(|id| Some((*id, self.claims.get(id)?)))
            .find(|(_, claim)| claim.surely_throughout(from, to))
    }

    /// Counts a violation, and keeps the first few of each promise in full.
    pub(super) fn convict(
        &mut self,
        promise: Promise,
        about: About,
        mut what: String,
        evidence: &[(Fact, String)],
    ) {
        if let About::Seat(seat) = about {
            self.convicted.insert(seat);
        }
        if !self.findings.violated(promise) {
            return;
        }
        // A sentence may begin with a seat.
        if let Some(first) = what.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        let (seat, session) = match about {
            About::Seat(seat) => {
                let seat = &self.seats[seat as usize];
                (Some(seat.id), Some(seat.session))
            }
            About::Session(session) => (None, Some(session)),
            About::Nothing => (None, None),
        };
        let session = session.map(|session| self.names.text(self.shows[session as usize].id));
        let seat_name = match about {
            About::Seat(seat) => self.labels[seat as usize].as_deref().map(str::to_owned),
            _ => None,
        };
        let seat = seat.map(|seat| self.names.text(seat));
        let mut evidence: Vec<_> = evidence.iter().map(|(f, says)| self.show(f, says)).collect();
        evidence.sort_by_key(|evidence| evidence.invoked_at);
        evidence.dedup_by_key(|evidence| evidence.op);
        self.findings.keep(Violation { promise, what, seat, seat_name, session, evidence });
    }

    fn show(&self, fact: &Fact, says: &str) -> Evidence {
        let target = self.run.targets.get(usize::from(fact.target));
        Evidence {
            op: fact.op,
            client: fact.client,
            target: target.cloned().unwrap_or_else(|| format!("target {}", fact.target)),
            action: fact.action,
            invoked_at: fact.invoked,
            answered_at: Some(fact.done),
            outcome: fact.outcome.word(),
            status: fact.status,
            says: says.to_owned(),
        }
    }

    /// A seat's name, for people.
    pub(super) fn seat_name(&self, seat: u32) -> String {
        match &self.labels[seat as usize] {
            Some(label) => format!("seat {label}"),
            None => format!("seat no. {}", self.seats[seat as usize].place + 1),
        }
    }

    /// The names of several seats of one session, for people.
    pub(super) fn seat_names(&self, seats: &[u32]) -> String {
        let names: Option<Vec<_>> =
            seats.iter().map(|&seat| self.labels[seat as usize].as_deref()).collect();
        if let Some(names) = names {
            return format!("seats {}", names.join(", "));
        }
        let places: Vec<_> =
            seats.iter().map(|&s| (self.seats[s as usize].place + 1).to_string()).collect();
        format!("seats no. {}", places.join(", "))
    }
}

/// A count in 32 bits: no history has four thousand million seats.
fn count(of: usize) -> u32 {
    u32::try_from(of).unwrap_or(u32::MAX)
}
