//! The facts that a batch of commands is about, read inside its transaction, or known from the last one.

use poltrona_domain::{
    Facts, ReadSet, Reservation, ReservationId, SeatId, SeatState, SessionId, Timestamp, UserId,
};
use rusqlite::{OptionalExtension, Transaction};

use super::hot::Hot;
use super::row;
use crate::store::answer::{Answers, KeyLookup, RecordedAnswer, StoredAnswer, answers_since};
use crate::store::error::Error;
use crate::store::held_as;

/// Loads every row of the set. What does not exist stays absent.
pub(super) fn facts(tx: &Transaction<'_>, hot: &Hot, rows: &ReadSet) -> Result<Facts, Error> {
    let mut facts = Facts::default();
    for session in rows.sessions.iter().chain(&rows.locked_sessions) {
        load_session(tx, hot, &mut facts, *session)?;
    }
    for reservation in &rows.reservations {
        let known = hot.reservations.get(reservation).cloned();
        let found = known.map_or_else(|| reservation_by_id(tx, *reservation), |it| Ok(Some(it)))?;
        if let Some(found) = found {
            load_session(tx, hot, &mut facts, found.session)?;
            load_seats(tx, hot, &mut facts, found.seat_ids())?;
            facts.reservations.insert(found.id, found);
        }
    }
    load_seats(tx, hot, &mut facts, rows.seats.iter().copied())?;
    rows.seats.iter().try_for_each(|seat| load_holder(tx, hot, &mut facts, *seat))?;
    rows.whole_sessions.iter().try_for_each(|session| load_all_seats(tx, &mut facts, *session))?;
    Ok(facts)
}

/// The answers that are recorded for the keys and still count at `now`.
pub(super) fn answers(
    tx: &Transaction<'_>,
    keys: &[KeyLookup<'_>],
    facts: &Facts,
    now: Timestamp,
) -> Result<Answers, Error> {
    let since = answers_since(now);
    let mut answers = Answers::new();
    for KeyLookup { owner, key } in keys {
        let Some(caller) = owner.name(facts) else { continue };
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
                answer: RecordedAnswer {
                    status: row.get(1)?,
                    location: row.get(2)?,
                    body: row.get::<_, Vec<u8>>(3)?.into(),
                },
            })
        })
        .optional()?;
    Ok(found)
}

fn load_session(
    tx: &Transaction<'_>,
    hot: &Hot,
    facts: &mut Facts,
    id: SessionId,
) -> Result<(), Error> {
    if facts.sessions.contains_key(&id) {
        return Ok(());
    }
    if let Some(session) = hot.sessions.get(&id) {
        facts.sessions.insert(id, session.clone());
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
    hot: &Hot,
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
        if let Some(seat) = hot.seats.get(&id) {
            facts.seats.insert(id, *seat);
            continue;
        }
        let session = id.session();
        let key = (&session.as_uuid().as_bytes()[..], id.no().get());
        let found = statement.query_row(key, row::seat).optional()?;
        facts.seats.extend(found.map(|seat| (id, seat)));
    }
    Ok(())
}

/// Loads the user of the reservation that holds the seat, if one does.
fn load_holder(
    tx: &Transaction<'_>,
    hot: &Hot,
    facts: &mut Facts,
    seat: SeatId,
) -> Result<(), Error> {
    let state = facts.seats.get(&seat).map(|seat| seat.state);
    let Some(SeatState::Held { by, .. }) = state else { return Ok(()) };
    if facts.holder(by).is_some() {
        return Ok(());
    }
    if let Some(reservation) = hot.reservations.get(&by) {
        facts.holders.insert(by, reservation.user.clone());
        return Ok(());
    }
    let mut statement = tx.prepare_cached("SELECT user_id FROM reservations WHERE id = ?")?;
    let key = [&by.as_uuid().as_bytes()[..]];
    let found = statement.query_row(key, |row| row.get::<_, String>(0)).optional()?;
    facts.holders.extend(found.map(|user| (by, UserId::new(&user))));
    Ok(())
}

fn load_all_seats(tx: &Transaction<'_>, facts: &mut Facts, id: SessionId) -> Result<(), Error> {
    let mut statement =
        tx.prepare_cached(&format!("SELECT {} FROM seats WHERE session_id = ?", row::SEAT))?;
    for seat in statement.query_map([&id.as_uuid().as_bytes()[..]], row::seat)? {
        let seat = seat?;
        facts.seats.insert(seat.id, seat);
    }
    Ok(())
}

fn reservation_by_id(
    tx: &Transaction<'_>,
    id: ReservationId,
) -> Result<Option<Reservation>, Error> {
    let sql = format!("SELECT {} FROM {} WHERE r.id = ?", held_as::RESERVATION, held_as::IN_SQLITE);
    let mut statement = tx.prepare_cached(&sql)?;
    Ok(statement.query_row([&id.as_uuid().as_bytes()[..]], row::reservation).optional()?)
}
