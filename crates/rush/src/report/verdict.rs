//! The judge's verdict as a report keeps it.
//!
//! Promises and outcomes are kept as text, not as the judge's types, so that an old file reads the
//! same when the judge has new ones.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::history::{Action, Micros, seconds};

/// The judge's findings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// How many operations were sent.
    pub operations: u64,
    /// How many of them have an unknown outcome.
    pub unknown: u64,
    /// How many sessions the history is about.
    pub sessions: u64,
    /// How many seats they have.
    pub seats: u64,
    /// The checks, promise by promise.
    pub checks: Vec<Check>,
    /// The first few violations of each promise.
    pub violations: Vec<Violation>,
    /// How many more there are.
    pub untold: u64,
}

/// How often one promise was put to the test.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// The promise's short name, such as `C1`.
    pub promise: String,
    /// The promise as a question.
    pub question: String,
    /// How many times it could have been broken.
    pub checked: u64,
    /// How many of them only an unknown outcome excused.
    pub doubted: u64,
    /// How many times it was broken.
    pub violations: u64,
}

/// A promise broken.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Violation {
    /// The promise's short name.
    pub promise: String,
    /// The violation, in a sentence.
    pub what: String,
    /// The seat's id, where it is about one seat.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seat: Option<String>,
    /// The name on that seat, from servers that give it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seat_name: Option<String>,
    /// The session's id, where it is about one session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// The operations that show it.
    pub evidence: Vec<Evidence>,
}

/// One operation, as evidence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// Its number in the history.
    pub op: u64,
    /// The number of the client that sent it.
    pub client: u32,
    /// The URL of its target.
    pub target: String,
    /// Its kind.
    pub action: Action,
    /// When it was sent, in microseconds since the run began.
    pub invoked_at: Micros,
    /// When it was answered or given up; `None` when it was in flight at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered_at: Option<Micros>,
    /// Its outcome, in a word or two.
    pub outcome: String,
    /// The HTTP status; 0 when there was none.
    pub status: u16,
    /// The seats, reservation or sale it is about, in words.
    pub says: String,
}

impl Verdict {
    /// How many violations there are in all.
    pub fn violated(&self) -> u64 {
        self.checks.iter().map(|check| check.violations).sum()
    }
}

impl Check {
    /// The promise's verdict, in a word.
    pub(super) const fn standing(&self) -> &'static str {
        match self {
            Self { violations: 1.., .. } => "broken",
            Self { checked: 0, .. } => "untried",
            _ => "kept",
        }
    }
}

impl Violation {
    /// The seat and session that it is about; empty if it is about no one seat or session.
    pub(super) fn about(&self) -> String {
        let seat = self.seat.iter().map(|seat| match &self.seat_name {
            Some(name) => format!("seat {name} ({seat})"),
            None => format!("seat {seat}"),
        });
        let session = self.session.iter().map(|session| format!("session {session}"));
        seat.chain(session).collect::<Vec<_>>().join(", ")
    }
}

impl Evidence {
    /// From when to when, in seconds of the run.
    pub(super) fn when(&self) -> String {
        let from = seconds(self.invoked_at);
        let until = self.answered_at.map_or_else(|| "…".to_owned(), seconds);
        format!("{from} – {until} s")
    }

    /// The request's kind and how it ended.
    pub(super) fn exchange(&self) -> String {
        match self.status {
            0 => format!("{} → {}", self.action.verb(), self.outcome),
            status => format!("{} → {} {status}", self.action.verb(), self.outcome),
        }
    }
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (op, client, target) = (self.op, self.client, &self.target);
        write!(f, "{}: {}", self.when(), self.exchange())?;
        if !self.says.is_empty() {
            write!(f, ": {}", self.says)?;
        }
        write!(f, " [op {op}, client {client}, {target}]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evidence_reads_as_a_line() {
        let evidence = Evidence {
            op: 17,
            client: 3,
            target: "http://a".to_owned(),
            action: Action::Confirm,
            invoked_at: 1_000_042,
            answered_at: None,
            outcome: "in flight".to_owned(),
            status: 0,
            says: "seat A1".to_owned(),
        };
        assert_eq!(
            evidence.to_string(),
            "1.000042 – … s: confirm → in flight: seat A1 [op 17, client 3, http://a]"
        );
    }
}
