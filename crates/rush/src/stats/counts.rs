//! The outcomes of operations, and their counts.

use serde::{Deserialize, Serialize};

/// The outcome of an operation, as its client sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It was done.
    Ok,
    /// It was refused: nothing was done.
    Refused,
    /// There was no answer, or it was not read.
    Unknown,
    /// The server answered that it failed: a 5xx.
    Fault,
}

/// How many operations ended in which way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Done.
    pub ok: u64,
    /// Refused.
    pub refused: u64,
    /// Without an answer.
    pub unknown: u64,
    /// Failed on the server's side.
    pub fault: u64,
}

impl Counts {
    /// All of them.
    pub const fn all(&self) -> u64 {
        self.ok + self.refused + self.unknown + self.fault
    }

    /// Counts one more.
    pub(super) const fn add(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Ok => self.ok += 1,
            Outcome::Refused => self.refused += 1,
            Outcome::Unknown => self.unknown += 1,
            Outcome::Fault => self.fault += 1,
        }
    }

    /// Adds those of another.
    pub const fn merge(&mut self, other: &Self) {
        self.ok += other.ok;
        self.refused += other.refused;
        self.unknown += other.unknown;
        self.fault += other.fault;
    }
}
