//! The format of a history: every request of a run and its answer, one JSON object a line. How
//! requests are sent is left to the crowd, and what the answers prove to the judge.
//!
//! A history begins with a [`Line::Run`], names each session before the first request about it, and
//! then has, for every operation, one `invoke` and at most one completion: `ok` (a success), `fail`
//! (nothing was done: a refusal, or, with status 0, a request that surely never left) or `info` (an
//! unknown outcome: the answer was lost or thrown away, or it was a 5xx after sending). An
//! operation without completion was in flight when the run ended, and counts as `info`. Lines stand
//! in the order in which one process wrote them down; only `at` says when something happened.

use std::io::{self, BufRead, Write};

use serde::{Deserialize, Serialize};

/// Microseconds on one monotonic clock since the run began.
pub type Micros = u64;

/// Microseconds as seconds with six decimals.
pub fn seconds(at: Micros) -> String {
    format!("{}.{:06}", at / 1_000_000, at % 1_000_000)
}

/// One line of a history.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Line {
    /// The run: the first line.
    Run(Run),
    /// A session that the run opened, or found.
    Session(Session),
    /// An operation was sent.
    Invoke(Invoke),
    /// It was done.
    Ok(Completion),
    /// It was refused: nothing was done.
    Fail(Completion),
    /// It is unknown whether it was done.
    Info(Completion),
}

/// The settings of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// The scenario's name.
    pub scenario: String,
    /// The seed of every choice.
    pub seed: u64,
    /// Where requests went.
    pub targets: Vec<String>,
    /// How many clients.
    pub clients: u32,
    /// The tool's version.
    pub version: String,
}

/// A session and its seats.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Its id.
    pub id: String,
    /// Its seats' ids, in the server's order; [`Completion::map`] is in this order.
    pub seats: Vec<String>,
    /// The names on its seats, such as `A1`, in the same order; empty where the server gives none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<String>,
    /// The price of a ticket, in cents.
    pub price_cents: i64,
}

/// A kind of request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// `POST /reservations`.
    Reserve,
    /// `POST /payments/confirm/:reservation`.
    Confirm,
    /// `DELETE /reservations/:reservation`.
    Cancel,
    /// `POST /reservations/:reservation/extend`.
    Extend,
    /// `GET /seats/:session`.
    Seats,
    /// `GET /reservations/:reservation`.
    Reservation,
    /// `GET /sales/history/:user`.
    Sales,
}

impl Action {
    /// The action as a verb, for people.
    pub const fn verb(self) -> &'static str {
        match self {
            Self::Reserve => "reserve",
            Self::Confirm => "confirm",
            Self::Cancel => "cancel",
            Self::Extend => "extend",
            Self::Seats => "read seats",
            Self::Reservation => "read reservation",
            Self::Sales => "read sales",
        }
    }
}

/// The effect of the operation, as far as its answer proves it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was done.
    Ok,
    /// It was refused: nothing was done.
    Fail,
    /// It is unknown whether it was done.
    Info,
}

impl Outcome {
    /// The name that a history's lines and the judge's evidence have for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Fail => "fail",
            Self::Info => "info",
        }
    }
}

/// An operation as it was sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invoke {
    /// When, just before its first byte was written.
    pub at: Micros,
    /// Its number, unique within the history.
    pub op: u64,
    /// The number of the client that sent it.
    pub client: u32,
    /// The place of its target in [`Run::targets`], from 0.
    pub target: u16,
    /// Its kind.
    pub action: Action,
    /// The user that it is made for.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub user: String,
    /// The session it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// The seats it is about: those asked for, or those of its reservation.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub seats: Vec<String>,
    /// The reservation it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reservation: Option<String>,
    /// Its idempotency key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Whether it belongs to the census after the run, when every hold has had time to lapse and
    /// no other client sends requests.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub census: bool,
}

/// An operation as it was answered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Completion {
    /// When, just after the answer's last byte was read; for `info`, when it was given up.
    pub at: Micros,
    /// Which operation.
    pub op: u64,
    /// The HTTP status; 0 when there was no answer.
    pub status: u16,
    /// The error's machine-readable code, from servers that have one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The reservation in the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reservation: Option<String>,
    /// The seats in the answer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub seats: Vec<String>,
    /// The user in the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The reservation's status in the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// How long the hold lasts by the answer's own times, in milliseconds: `expiresAt` less
    /// `createdAt` for a new one, `expiresAt` less the `createdAt` of the reservation when
    /// extended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold_ms: Option<u64>,
    /// The total in the answer, in cents, from servers that say one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total_cents: Option<i64>,
    /// The sale in the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sale: Option<String>,
    /// The seats that a refusal names as taken.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub taken: Vec<String>,
    /// A seat map: one letter a seat in the session's order, `A`vailable, `R`eserved, `S`old.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub map: Option<String>,
    /// A user's sales.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sales: Option<Vec<SaleSeen>>,
    /// A hash of the answer's body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash: Option<u64>,
    /// Whether the server says that it had answered this key before.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub replayed: bool,
}

/// A sale as a user's history shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SaleSeen {
    /// Its id.
    pub id: String,
    /// The reservation that was paid.
    pub reservation: String,
    /// Its seats.
    pub seats: Vec<String>,
    /// Their total, in cents, from servers that give it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total_cents: Option<i64>,
}

impl Line {
    /// The line for an operation that ended this way.
    pub const fn completed(outcome: Outcome, done: Completion) -> Self {
        match outcome {
            Outcome::Ok => Self::Ok(done),
            Outcome::Fail => Self::Fail(done),
            Outcome::Info => Self::Info(done),
        }
    }

    /// When it happened; `None` for the lines that only describe.
    pub const fn at(&self) -> Option<Micros> {
        match self {
            Self::Run(_) | Self::Session(_) => None,
            Self::Invoke(invoke) => Some(invoke.at),
            Self::Ok(done) | Self::Fail(done) | Self::Info(done) => Some(done.at),
        }
    }

    /// Writes the line and its end.
    pub fn write(&self, to: &mut impl Write) -> io::Result<()> {
        serde_json::to_writer(&mut *to, self)?;
        to.write_all(b"\n")
    }
}

/// Reads a history line by line; an error names the number of its line.
pub fn read(from: impl BufRead) -> impl Iterator<Item = anyhow::Result<Line>> {
    from.lines().zip(1_u64..).filter_map(|(line, number)| match line {
        Ok(line) if line.trim().is_empty() => None,
        Ok(line) => Some(
            serde_json::from_str(&line)
                .map_err(|error| anyhow::anyhow!("line {number} of the history: {error}")),
        ),
        Err(error) => Some(Err(anyhow::anyhow!("line {number} of the history: {error}"))),
    })
}
