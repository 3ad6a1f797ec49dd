//! The facts that a batch of commands is about, read inside its transaction.

use poltrona_domain::{Command, Facts, Reservation, SeatId, SessionId, Timestamp};
use rusqlite::{OptionalExtension, Transaction};

use super::row;
use crate::ledger::{Answer, StoredAnswer};
use crate::store::Error;
use crate::store::batch::{Answers, KeyOwner, Loaded, Wanted, WantedKey};

/// Loads every row that deciding `commands` needs. What does not exist stays absent.
pub(super) fn facts<'a>(
    tx: &Transaction<'_>,
    commands: impl Iterator<Item = &'a Command>,
) -> Result<Facts, Error> {
    let mut facts = Facts::default();
    for command in commands {
        match command {
            Command::OpenSession(_) => {}
            Command::UpdateSession { session, .. } => load_session(tx, &mut facts, *session)?,
            Command::CloseSession { session } => {
                load_session(tx, &mut facts, *session)?;
                load_all_seats(tx, &mut facts, *session)?;
            }
            Command::Reserve { seats, .. } => {
                load_session(tx, &mut facts, seats.session())?;
                load_seats(tx, &mut facts, seats.ids().iter().copied())?;
            }
            Command::Confirm { reservation, .. }
            | Command::Cancel { reservation }
            | Command::Extend { reservation, .. }
            | Command::Expire { reservation } => {
                if !facts.reservations.contains_key(reservation)
                    && let Some(found) = reservation_by_id(tx, *reservation)?
                {
                    load_session(tx, &mut facts, found.session)?;
                    load_seats(tx, &mut facts, found.seat_ids())?;
                    facts.reservations.insert(found.id, found);
                }
            }
        }
    }
    Ok(facts)
}

/// The answers that were given for the keys and still count.
pub(super) fn answers(
    tx: &Transaction<'_>,
    wanted: &Wanted<'_>,
    facts: &Facts,
    now: Timestamp,
) -> Result<Answers, Error> {
    let since = Loaded::answers_since(now);
    let mut answers = Answers::new();
    for WantedKey { owner, key } in &wanted.keys {
        let caller = match owner {
            KeyOwner::Named(name) => Some(*name),
            KeyOwner::OfReservation(id) => facts.reservations.get(id).map(|it| it.user.as_str()),
        };
        let Some(caller) = caller else { continue };
        if let Some(stored) = answer(tx, caller, key, since)? {
            answers.insert((caller.to_owned(), (*key).to_owned()), stored);
        }
    }
    Ok(answers)
}

fn answer(
    tx: &Transaction<'_>,
    caller: &str,
    key: &str,
    since: Timestamp,
) -> Result<Option<StoredAnswer>, Error> {
    let mut statement = tx.prepare_cached(
        "SELECT fingerprint, status, location, answer FROM idempotency
         WHERE caller = ? AND key = ? AND created_at >= ?",
    )?;
    let found = statement
        .query_row((caller, key, since.as_millis()), |row| {
            Ok(StoredAnswer {
                fingerprint: row.get(0)?,
                answer: Answer {
                    status: row.get(1)?,
                    location: row.get(2)?,
                    body: row.get::<_, Vec<u8>>(3)?.into(),
                },
            })
        })
        .optional()?;
    Ok(found)
}

fn load_session(tx: &Transaction<'_>, facts: &mut Facts, id: SessionId) -> Result<(), Error> {
    if facts.sessions.contains_key(&id) {
        return Ok(());
    }
    let mut statement =
        tx.prepare_cached(&format!("SELECT {} FROM sessions WHERE id = ?", row::SESSION))?;
    let found = statement.query_row([&id.as_uuid().as_bytes()[..]], row::session).optional()?;
    facts.sessions.extend(found.map(|session| (id, session)));
    Ok(())
}

fn load_seats(
    tx: &Transaction<'_>,
    facts: &mut Facts,
    ids: impl Iterator<Item = SeatId>,
) -> Result<(), Error> {
    let mut statement = tx.prepare_cached(&format!(
        "SELECT {} FROM seats WHERE session_id = ? AND seat_no = ?",
        row::SEAT
    ))?;
    for id in ids {
        if facts.seats.contains_key(&id) {
            continue;
        }
        let session = id.session();
        let key = (&session.as_uuid().as_bytes()[..], id.no().get());
        let found = statement.query_row(key, row::seat).optional()?;
        facts.seats.extend(found.map(|seat| (id, seat)));
    }
    Ok(())
}

fn load_all_seats(tx: &Transaction<'_>, facts: &mut Facts, id: SessionId) -> Result<(), Error> {
    let mut statement =
        tx.prepare_cached(&format!("SELECT {} FROM seats WHERE session_id = ?", row::SEAT))?;
    for seat in statement.query_map([&id.as_uuid().as_bytes()[..]], row::seat)? {
        let seat = seat?;
        // A seat that an earlier command of the batch asked for is already there, unchanged: facts
        // are loaded before anything is decided.
        facts.seats.insert(seat.id, seat);
    }
    Ok(())
}

fn reservation_by_id(
    tx: &Transaction<'_>,
    id: poltrona_domain::ReservationId,
) -> Result<Option<Reservation>, Error> {
    let mut statement =
        tx.prepare_cached(&format!("SELECT {} FROM reservations WHERE id = ?", row::RESERVATION))?;
    Ok(statement.query_row([&id.as_uuid().as_bytes()[..]], row::reservation).optional()?)
}
