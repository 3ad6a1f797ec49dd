//! What the crowd asked and what it was told, one JSON object a line.
//!
//! A history is all that the judge sees. It begins with a [`Line::Run`], names each session before
//! anything is asked of it, and then has, for every operation, one `invoke` and at most one
//! completion: `ok` (a success), `fail` (nothing was done: a refusal, or, with status 0, a request
//! that surely never left) or `info` (nobody knows: the answer was lost or thrown away, or it was a
//! 5xx after sending). An operation without completion
//! was in flight when the run ended, and counts as `info`. Lines stand in the order in which one
//! process wrote them down; only `at` says when something happened.

use std::io::{self, BufRead, Write};

use serde::{Deserialize, Serialize};

/// Microseconds on one monotonic clock since the run began.
pub type Micros = u64;

/// One line of a history.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Line {
    /// What was run: the first line.
    Run(Run),
    /// A session that the run opened, or found.
    Session(Session),
    /// An operation was sent.
    Invoke(Invoke),
    /// It was done.
    Ok(Completion),
    /// It was refused: nothing was done.
    Fail(Completion),
    /// Nobody knows whether it was done.
    Info(Completion),
}

/// What was run.
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
    /// What a ticket costs, in cents.
    pub price_cents: i64,
}

/// What can be asked.
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

/// An operation as it was sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invoke {
    /// When, just before its first byte was written.
    pub at: Micros,
    /// Its number, unique within the history.
    pub op: u64,
    /// Who sent it.
    pub client: u32,
    /// Which of the run's targets it went to.
    pub target: u16,
    /// What was asked.
    pub action: Action,
    /// On whose behalf.
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
    /// nobody else is asking.
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
    /// `createdAt` for a new one, `expiresAt` less the `createdAt` of the reservation when extended.
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
    /// What they cost together, in cents, from servers that say so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total_cents: Option<i64>,
}

impl Line {
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

/// Reads a history line by line; an error names the line that it stands in.
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
