//! Locking and loading what a batch is about.
//!
//! A command whose seats turn out not to be among the locked ones is deferred.

use std::collections::BTreeSet;

use futures_util::try_join;
use poltrona_domain::{Facts, SeatState, SessionId, Timestamp};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Row, Statement};
use uuid::Uuid;

use super::row::{self, number};
use super::session::Statements;
use super::sql::{PLAN_ANEW, SHORT_LOCK_TIMEOUT};
use crate::store::answer::{
    Answers, KeyLookup, KeyOwner, RecordedAnswer, StoredAnswer, answers_since,
};
use crate::store::batch::BatchReads;
use crate::store::error::Error;

/// The rows that a batch needs, by their keys.
#[derive(Default)]
struct Keys {
    seat_sessions: Vec<Uuid>,
    seat_nos: Vec<i16>,
    reservations: Vec<Uuid>,
    whole_sessions: Vec<Uuid>,
    sessions: Vec<Uuid>,
    sessions_to_lock: Vec<Uuid>,
    callers: (Vec<String>, Vec<String>),
    owners: (Vec<Uuid>, Vec<String>),
}

/// The rows read. Every seat in them is locked.
pub(super) struct Found {
    pub(super) facts: Facts,
    /// The time by the server's clock, after every lock was taken.
    pub(super) server_time: Timestamp,
    answers: Vec<Kept>,
}

/// A recorded answer, and when it was given.
struct Kept {
    name: (String, String),
    stored: StoredAnswer,
    at: Timestamp,
}

type Parameter = dyn ToSql + Sync;

/// Begins the transaction, locks and reads, all in one flush. `anew`: whether statements are planned
/// anew.
pub(super) async fn run(
    client: &Client,
    statements: &Statements,
    reads: &BatchReads<'_>,
    anew: bool,
) -> Result<Found, Error> {
    let when = |asked, sql| if asked { sql } else { "" };
    let short = when(reads.short_lock_timeout, SHORT_LOCK_TIMEOUT);
    let begin = [when(anew, PLAN_ANEW), "BEGIN;", short].concat();
    let keys = Keys::of(reads);
    let Keys { sessions, reservations, .. } = &keys;
    let seats: [&Parameter; 4] =
        [&keys.seat_sessions, &keys.seat_nos, reservations, &keys.whole_sessions];
    let by_seat = !keys.seat_nos.is_empty() || !reservations.is_empty();
    let by_seat = by_seat || !keys.whole_sessions.is_empty();
    let to_lock: [&Parameter; 1] = [&keys.sessions_to_lock];
    let rooms: [&Parameter; 2] = [sessions, reservations];
    let callers: [&Parameter; 2] = [&keys.callers.0, &keys.callers.1];
    let owners: [&Parameter; 2] = [&keys.owners.0, &keys.owners.1];
    // Each sends its statement when it is first polled, which is in the order written here.
    let ((), _, seats, sessions, reservations, callers, owners) = try_join!(
        client.batch_execute(&begin),
        ask(client, &statements.lock_sessions, &to_lock, !keys.sessions_to_lock.is_empty()),
        ask(client, &statements.lock_seats, &seats, by_seat),
        client.query(&statements.time_and_sessions, &rooms),
        ask(client, &statements.reservations, &rooms[1..], !reservations.is_empty()),
        ask(client, &statements.callers, &callers, !keys.callers.1.is_empty()),
        ask(client, &statements.owners, &owners, !keys.owners.1.is_empty()),
    )?;
    let mut facts = Facts::default();
    for row in &sessions {
        if row::get::<Option<Uuid>>(row, 1)?.is_some() {
            let session = row::session(row, 1)?;
            facts.sessions.insert(session.id, session);
        }
    }
    for row in &seats {
        let seat = row::seat(row)?;
        if let (SeatState::Held { by, .. }, Some(user)) = (seat.state, row::holder(row)?) {
            facts.holders.insert(by, user);
        }
        facts.seats.insert(seat.id, seat);
    }
    for row in &reservations {
        let reservation = row::reservation(row, 0)?;
        facts.reservations.insert(reservation.id, reservation);
    }
    let answers = callers.iter().chain(&owners).map(answer).collect::<Result<_, _>>()?;
    let Some(first) = sessions.first() else {
        return Err(Error::Driver("the server did not tell the time".to_owned()));
    };
    Ok(Found { facts, answers, server_time: row::time(first, 0)? })
}

/// Runs a statement, unless there is nothing to ask.
async fn ask(
    client: &Client,
    statement: &Statement,
    parameters: &[&Parameter],
    wanted: bool,
) -> Result<Vec<Row>, tokio_postgres::Error> {
    if wanted { client.query(statement, parameters).await } else { Ok(Vec::new()) }
}

fn answer(row: &Row) -> Result<Kept, Error> {
    let fingerprint: Vec<u8> = row::get(row, 2)?;
    let status: i16 = row::get(row, 3)?;
    let unreadable = |_| Error::Driver("the database holds an invalid answer".to_owned());
    let stored = StoredAnswer {
        fingerprint: fingerprint.try_into().map_err(|_: Vec<u8>| {
            Error::Driver("the database holds a fingerprint of another length".to_owned())
        })?,
        answer: RecordedAnswer {
            status: u16::try_from(status).map_err(unreadable)?,
            location: row::get(row, 4)?,
            body: row::get::<Vec<u8>>(row, 5)?.into(),
        },
    };
    Ok(Kept { name: (row::get(row, 0)?, row::get(row, 1)?), stored, at: row::time(row, 6)? })
}

impl Keys {
    fn of(reads: &BatchReads<'_>) -> Self {
        let rows = &reads.rows;
        let sessions = |ids: &BTreeSet<SessionId>| ids.iter().map(|id| *id.as_uuid()).collect();
        let mut keys = Self {
            seat_sessions: rows.seats.iter().map(|seat| *seat.session().as_uuid()).collect(),
            seat_nos: rows.seats.iter().map(|seat| number(seat.no())).collect(),
            reservations: rows.reservations.iter().map(|id| *id.as_uuid()).collect(),
            whole_sessions: sessions(&rows.whole_sessions),
            sessions: sessions(&rows.sessions.union(&rows.locked_sessions).copied().collect()),
            sessions_to_lock: sessions(&rows.locked_sessions),
            ..Self::default()
        };
        for KeyLookup { owner, key } in &reads.keys {
            match owner {
                KeyOwner::Named(name) => {
                    keys.callers.0.push((*name).to_owned());
                    keys.callers.1.push((*key).to_owned());
                }
                KeyOwner::OfReservation(id) => {
                    keys.owners.0.push(*id.as_uuid());
                    keys.owners.1.push((*key).to_owned());
                }
            }
        }
        keys
    }
}

impl Found {
    /// The answers that still count at `now`.
    pub(super) fn answers_at(&mut self, now: Timestamp) -> Answers {
        let since = answers_since(now);
        let kept = std::mem::take(&mut self.answers);
        kept.into_iter().filter(|it| it.at >= since).map(|it| (it.name, it.stored)).collect()
    }
}
