//! The verdict: how often each promise was checked and doubted, and each violation with the
//! operations that show it. Owns the words; what is a violation is decided by the checks.

use std::fmt;

use serde::Serialize;

use crate::history::{Action, Micros, seconds};

/// How many violations of one promise are kept in full; the rest are counted.
const KEPT_PER_PROMISE: u64 = 10;

/// A promise that a history can show to be kept or broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub enum Promise {
    /// A seat is sold at most once.
    C1,
    /// An acknowledged sale stays, unchanged, and none appears from nowhere.
    C2,
    /// A hold excludes others for its whole time.
    C3,
    /// In the end every seat is either sold or free.
    C4,
    /// A refusal has a reason.
    C5,
    /// One key has one effect.
    C6,
    /// Totals add up.
    C7,
    /// The answers about a seat fit into one order.
    C8,
    /// A group is granted whole or not at all.
    G,
}

impl Promise {
    /// All of them, in the order in which a verdict lists them.
    pub const ALL: [Self; 9] =
        [Self::C1, Self::C2, Self::C3, Self::C4, Self::C5, Self::C6, Self::C7, Self::C8, Self::G];

    /// The promise as a question about the history.
    pub const fn question(self) -> &'static str {
        match self {
            Self::C1 => "Is each seat sold at most once?",
            Self::C2 => "Is every acknowledged sale in every later read, and none from nowhere?",
            Self::C3 => "Does a hold exclude others for its whole time?",
            Self::C4 => "In the end, is every seat either sold or free?",
            Self::C5 => "Did something stand in the way of everyone who was refused?",
            Self::C6 => "Does one key have one effect and one answer?",
            Self::C7 => "Do the totals add up?",
            Self::C8 => "Do the answers about a seat fit into one order?",
            Self::G => "Is a group granted whole or not at all?",
        }
    }
}

impl fmt::Display for Promise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// How often one promise was put to the test.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// Which promise.
    pub promise: Promise,
    /// The promise as a question about the history.
    pub question: &'static str,
    /// How many times it could have been broken and was looked at.
    pub checked: u64,
    /// How many of them were excused only by an unknown outcome, or by something that this history
    /// does not show.
    pub doubted: u64,
    /// How many times it was broken.
    pub violations: u64,
}

/// One operation of the history, as evidence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Evidence {
    /// The operation's number in the history.
    pub op: u64,
    /// The number of the client that sent it.
    pub client: u32,
    /// The URL of its target.
    pub target: String,
    /// Its kind.
    pub action: Action,
    /// When it was sent, in microseconds since the run began.
    pub invoked_at: Micros,
    /// When it was answered or given up; `None` when it was in flight.
    pub answered_at: Option<Micros>,
    /// `ok`, `fail`, `info` or `in flight`.
    pub outcome: &'static str,
    /// The HTTP status, 0 when there was none.
    pub status: u16,
    /// The seats, reservation or sale it is about, in words.
    pub says: String,
}

/// A promise broken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// Which promise.
    pub promise: Promise,
    /// The violation, in a sentence.
    pub what: String,
    /// The seat's id, where it is about one seat.
    pub seat: Option<String>,
    /// The name on that seat, from servers that give it.
    pub seat_name: Option<String>,
    /// The session's id, where it is about one session.
    pub session: Option<String>,
    /// The operations that show it.
    pub evidence: Vec<Evidence>,
}

/// The judge's findings about a history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// How many operations were sent.
    pub operations: u64,
    /// How many of them have an unknown outcome.
    pub unknown: u64,
    /// How many sessions the history is about.
    pub sessions: usize,
    /// How many seats they have.
    pub seats: usize,
    /// Whether the history's last line is cut off, as when its writer died.
    pub torn: bool,
    /// The checks, promise by promise.
    pub checks: Vec<Check>,
    /// The first few violations of each promise.
    pub violations: Vec<Violation>,
    /// How many more there are.
    pub untold: u64,
}

impl Verdict {
    /// Whether every promise was kept, as far as the history shows.
    pub fn is_clean(&self) -> bool {
        self.violations.is_empty()
    }

    /// How many violations there are in all.
    pub fn violated(&self) -> u64 {
        self.checks.iter().map(|check| check.violations).sum()
    }
}

/// The verdict as it grows.
#[derive(Debug)]
pub(super) struct Findings {
    checks: Vec<Check>,
    violations: Vec<Violation>,
}

impl Default for Findings {
    fn default() -> Self {
        let checks = Promise::ALL.map(|promise| Check {
            promise,
            question: promise.question(),
            checked: 0,
            doubted: 0,
            violations: 0,
        });
        Self { checks: checks.to_vec(), violations: Vec::new() }
    }
}

impl Findings {
    fn check(&mut self, promise: Promise) -> &mut Check {
        &mut self.checks[promise as usize]
    }

    /// Counts one check of a promise.
    pub(super) fn checked(&mut self, promise: Promise) {
        self.check(promise).checked += 1;
    }

    /// Counts one check that only an unknown outcome explains.
    pub(super) fn doubted(&mut self, promise: Promise) {
        self.check(promise).doubted += 1;
    }

    /// Counts a violation, and returns whether it should be kept in full.
    pub(super) fn violated(&mut self, promise: Promise) -> bool {
        let check = self.check(promise);
        check.violations += 1;
        check.violations <= KEPT_PER_PROMISE
    }

    /// Keeps a violation that has been counted.
    pub(super) fn keep(&mut self, violation: Violation) {
        self.violations.push(violation);
    }

    /// The checks, the violations kept, and how many were only counted.
    pub(super) fn close(self) -> (Vec<Check>, Vec<Violation>, u64) {
        let all: u64 = self.checks.iter().map(|check| check.violations).sum();
        let untold = all - self.violations.len() as u64;
        (self.checks, self.violations, untold)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} operations ({} of unknown outcome) on {} seats in {} sessions",
            self.operations, self.unknown, self.seats, self.sessions
        )?;
        if self.torn {
            writeln!(f, "The history's last line is cut off; it was left out.")?;
        }
        for check in &self.checks {
            writeln!(
                f,
                "  {:2}  {:72} {:>9} checked  {:>7} doubted  {:>5} violated",
                check.promise.to_string(),
                check.question,
                check.checked,
                check.doubted,
                check.violations
            )?;
        }
        for violation in &self.violations {
            writeln!(f, "\n{violation}")?;
        }
        if self.untold > 0 {
            writeln!(f, "\nand {} more", self.untold)?;
        }
        match self.violated() {
            1 => write!(f, "1 violation"),
            count => write!(f, "{count} violations"),
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} broken: {}", self.promise, self.what)?;
        if let Some(seat) = &self.seat {
            match &self.seat_name {
                Some(name) => write!(f, "\n    seat {name} ({seat})")?,
                None => write!(f, "\n    seat {seat}")?,
            }
        }
        if let Some(session) = &self.session {
            write!(f, "\n    session {session}")?;
        }
        self.evidence.iter().try_for_each(|evidence| write!(f, "\n    {evidence}"))
    }
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>12} s", seconds(self.invoked_at))?;
        match self.answered_at {
            Some(at) => write!(f, " to {} s", seconds(at))?,
            None => write!(f, " on")?,
        }
        write!(f, "  op {} client {} → {}: ", self.op, self.client, self.target)?;
        write!(f, "{} → {} {}", self.action.verb(), self.outcome, self.status)?;
        if self.says.is_empty() { Ok(()) } else { write!(f, ", {}", self.says) }
    }
}
