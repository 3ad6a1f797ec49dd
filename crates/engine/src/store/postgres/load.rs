//! The locks that a batch needs, and the facts that it is about.
//!
//! The seats are locked and read by one statement, in the order of their key, so that two batches can
//! never wait for each other. After a wait PostgreSQL gives the seat as it became, but which seats are
//! wanted (those of a reservation, say) was read before it. So everything else is read by later
//! statements of the same transaction, each with a snapshot of its own, and a command whose seats turn
//! out not to be among the locked ones is put off.

use futures_util::try_join;
use poltrona_domain::{Command, Facts, SeatId, SeatNo, Timestamp};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Row, Statement};
use uuid::Uuid;

use super::row;
use super::session::Statements;
use crate::ledger::{Answer, StoredAnswer};
use crate::store::Error;
use crate::store::batch::{Answers, KeyOwner, Loaded, Wanted, WantedKey};

/// Forgets how statements were planned, but not the statements.
const PLAN_ANEW: &str = "DISCARD PLANS;";
/// Makes a transaction give up on a lock almost at once.
const HURRY: &str = "SET LOCAL lock_timeout = '20ms';";

/// Which seats a batch needs: those named, those of reservations, and those of whole sessions.
const SEATS_OF_A_BATCH: &str = "
    SELECT session_id, seat_no FROM unnest($1::uuid[], $2::smallint[]) AS named(session_id, seat_no)
    UNION
    SELECT r.session_id, no FROM reservations r CROSS JOIN unnest(r.seat_nos) AS no WHERE r.id = ANY($3)
    UNION
    SELECT session_id, seat_no FROM seats WHERE session_id = ANY($4)";

pub(super) fn lock_seats() -> String {
    format!(
        "SELECT {} FROM seats s JOIN ({SEATS_OF_A_BATCH}) w USING (session_id, seat_no)
         ORDER BY s.session_id, s.seat_no FOR UPDATE OF s",
        row::SEAT
    )
}

/// Sessions come before seats in the order of waiting.
pub(super) const LOCK_SESSIONS: &str =
    "SELECT 1 FROM sessions WHERE id = ANY($1::uuid[]) ORDER BY id FOR UPDATE";

/// Read after every lock was taken: after a wait only the clock itself tells the time.
pub(super) fn clock() -> String {
    format!("SELECT {}", row::NOW)
}

pub(super) fn sessions() -> String {
    format!(
        "SELECT {} FROM sessions WHERE id IN
            (SELECT unnest($1::uuid[]) UNION SELECT session_id FROM reservations WHERE id = ANY($2))",
        row::SESSION
    )
}

pub(super) fn reservations() -> String {
    format!("SELECT {} FROM reservations WHERE id = ANY($1::uuid[])", row::RESERVATION)
}

pub(super) const ANSWERS_OF_CALLERS: &str = "
    SELECT i.caller, i.key, i.fingerprint, i.status, i.location, i.answer, i.created_at
    FROM unnest($1::text[], $2::text[]) AS w(caller, key) JOIN idempotency i USING (caller, key)";

pub(super) const ANSWERS_OF_RESERVATIONS: &str = "
    SELECT i.caller, i.key, i.fingerprint, i.status, i.location, i.answer, i.created_at
    FROM unnest($1::uuid[], $2::text[]) AS w(id, key) JOIN reservations r ON r.id = w.id
        JOIN idempotency i ON i.caller = r.user_id AND i.key = w.key";

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

/// What was read. Every seat in it is locked.
pub(super) struct Found {
    pub(super) facts: Facts,
    /// The time by the server's clock, after every lock was taken.
    pub(super) server_time: Timestamp,
    answers: Vec<Kept>,
}

/// A stored answer, and when it was given.
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
    wanted: &Wanted<'_>,
    anew: bool,
) -> Result<Found, Error> {
    let when = |asked, sql| if asked { sql } else { "" };
    let begin = [when(anew, PLAN_ANEW), "BEGIN;", when(wanted.hurried, HURRY)].concat();
    let keys = Keys::of(wanted);
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
    let ((), _, seats, now, sessions, reservations, callers, owners) = try_join!(
        client.batch_execute(&begin),
        ask(client, &statements.lock_sessions, &to_lock, !keys.sessions_to_lock.is_empty()),
        ask(client, &statements.lock_seats, &seats, by_seat),
        client.query_one(&statements.clock, &[]),
        ask(client, &statements.sessions, &rooms, true),
        ask(client, &statements.reservations, &rooms[1..], !reservations.is_empty()),
        ask(client, &statements.callers, &callers, !keys.callers.1.is_empty()),
        ask(client, &statements.owners, &owners, !keys.owners.1.is_empty()),
    )?;
    let mut facts = Facts::default();
    for row in &sessions {
        let session = row::session(row, 0)?;
        facts.sessions.insert(session.id, session);
    }
    for row in &seats {
        let seat = row::seat(row)?;
        facts.seats.insert(seat.id, seat);
    }
    for row in &reservations {
        let reservation = row::reservation(row, 0)?;
        facts.reservations.insert(reservation.id, reservation);
    }
    let answers = callers.iter().chain(&owners).map(answer).collect::<Result<_, _>>()?;
    Ok(Found { facts, answers, server_time: row::time(&now, 0)? })
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
    let unreadable = |_| Error::Driver("the database holds an answer that is none".to_owned());
    let stored = StoredAnswer {
        fingerprint: fingerprint.try_into().map_err(|_: Vec<u8>| {
            Error::Driver("the database holds a fingerprint of another length".to_owned())
        })?,
        answer: Answer {
            status: u16::try_from(status).map_err(unreadable)?,
            location: row::get(row, 4)?,
            body: row::get::<Vec<u8>>(row, 5)?.into(),
        },
    };
    Ok(Kept { name: (row::get(row, 0)?, row::get(row, 1)?), stored, at: row::time(row, 6)? })
}

impl Keys {
    fn of(wanted: &Wanted<'_>) -> Self {
        let mut keys = Self::default();
        for command in &wanted.commands {
            keys.add(command);
        }
        for WantedKey { owner, key } in &wanted.keys {
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

    fn add(&mut self, command: &Command) {
        match command {
            Command::OpenSession(_) => {}
            Command::UpdateSession { session, .. } => {
                self.sessions.push(*session.as_uuid());
                self.sessions_to_lock.push(*session.as_uuid());
            }
            Command::CloseSession { session } => {
                self.sessions.push(*session.as_uuid());
                self.sessions_to_lock.push(*session.as_uuid());
                self.whole_sessions.push(*session.as_uuid());
            }
            Command::Reserve { seats, .. } => {
                self.sessions.push(*seats.session().as_uuid());
                for seat in seats.ids() {
                    self.seat_sessions.push(*seat.session().as_uuid());
                    self.seat_nos.push(number(seat.no()));
                }
            }
            Command::Confirm { reservation, .. }
            | Command::Cancel { reservation }
            | Command::Extend { reservation, .. }
            | Command::Expire { reservation } => self.reservations.push(*reservation.as_uuid()),
        }
    }
}

impl Found {
    /// Whether a command can be decided: every seat that it is about, and that exists, was locked.
    pub(super) fn has_locked(&self, command: &Command) -> bool {
        match command {
            Command::OpenSession(_) | Command::UpdateSession { .. } => true,
            Command::CloseSession { session } => {
                let locked = |no| self.is_locked(session.seat(no));
                self.facts.open_session(*session).is_none_or(|it| it.layout.numbers().all(locked))
            }
            Command::Reserve { seats, .. } => {
                let room = self.facts.sessions.get(&seats.session()).map(|it| it.layout);
                let exists = |id: SeatId| room.is_some_and(|room| room.contains(id.no()));
                seats.ids().iter().all(|id| self.is_locked(*id) || !exists(*id))
            }
            Command::Confirm { reservation, .. }
            | Command::Cancel { reservation }
            | Command::Extend { reservation, .. }
            | Command::Expire { reservation } => {
                let found = self.facts.reservations.get(reservation);
                found.is_none_or(|it| it.seat_ids().all(|id| self.is_locked(id)))
            }
        }
    }

    fn is_locked(&self, seat: SeatId) -> bool {
        self.facts.seats.contains_key(&seat)
    }

    /// The answers that still count at `now`.
    pub(super) fn answers_at(&mut self, now: Timestamp) -> Answers {
        let since = Loaded::answers_since(now);
        let kept = std::mem::take(&mut self.answers);
        kept.into_iter().filter(|it| it.at >= since).map(|it| (it.name, it.stored)).collect()
    }
}

/// A seat's number as its column has it.
pub(super) fn number(no: SeatNo) -> i16 {
    // A seat's number has fifteen bits.
    i16::try_from(no.get()).unwrap_or(i16::MAX)
}
