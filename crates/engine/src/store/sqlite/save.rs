//! The changes of a batch, written down row by row, each once and only over what was read.

use poltrona_domain::{
    ChangedSeat, ChangedSession, Changes, Layout, Reservation, Sale, Seat, SeatState, Session,
    Timestamp,
};
use rusqlite::{Statement, Transaction, params};

use super::row;
use crate::event::EventBatch;
use crate::store::answer::{NewAnswer, StoredAnswer};
use crate::store::batch::BatchWrites;
use crate::store::error::Error;
use crate::text;
use crate::wire::reservation_status;

/// Writes the outcome of a batch: its rows, its events, and the answers to record.
pub(super) fn batch(tx: &Transaction<'_>, writes: &BatchWrites) -> Result<(), Error> {
    rows(tx, &writes.changes())?;
    if let Some(events) = &writes.events {
        outbox(tx, events)?;
    }
    answers(tx, &writes.answers, writes.now)
}

fn rows(tx: &Transaction<'_>, changes: &Changes<'_>) -> Result<(), Error> {
    insert_sessions(tx, &changes.new_sessions)?;
    update_sessions(tx, &changes.changed_sessions)?;
    insert_past_sessions(tx, &changes.past_sessions)?;
    insert_seats(tx, &changes.new_seats)?;
    update_seats(tx, &changes.changed_seats)?;
    insert_reservations(tx, &changes.new_reservations)?;
    update_reservations(tx, &changes.changed_reservations)?;
    insert_sales(tx, &changes.new_sales)?;
    insert_sale_seats(tx, &changes.new_sales)
}

/// Runs a statement for each row. Without rows, the statement is not looked up.
fn each<R>(
    tx: &Transaction<'_>,
    rows: &[R],
    sql: &str,
    run: impl Fn(&mut Statement<'_>, &R) -> Result<(), Error>,
) -> Result<(), Error> {
    if rows.is_empty() {
        return Ok(());
    }
    let mut statement = tx.prepare_cached(sql)?;
    rows.iter().try_for_each(|row| run(&mut statement, row))
}

/// Writes the events of a batch as one row, to be delivered after the commit.
fn outbox(tx: &Transaction<'_>, batch: &EventBatch) -> Result<(), Error> {
    tx.prepare_cached("INSERT INTO outbox (id, events, created_at) VALUES (?, ?, ?)")?
        .execute((&batch.id.as_bytes()[..], batch.json(), batch.created_at.as_millis()))?;
    Ok(())
}

/// Writes the answers that equal requests will get again. They replace those that are too old to count.
fn answers(tx: &Transaction<'_>, new: &[NewAnswer], now: Timestamp) -> Result<(), Error> {
    let sql = "INSERT OR REPLACE INTO idempotency
            (caller, key, fingerprint, status, location, answer, created_at)
         VALUES (?, ?, ?, ?, ?, ?, ?)";
    each(tx, new, sql, |statement, new| {
        let NewAnswer { caller, key, stored: StoredAnswer { fingerprint, answer } } = new;
        statement.execute(params![
            caller,
            key,
            &fingerprint[..],
            answer.status,
            answer.location,
            &answer.body[..],
            now.as_millis(),
        ])?;
        Ok(())
    })
}

fn insert_sessions(tx: &Transaction<'_>, sessions: &[&Session]) -> Result<(), Error> {
    let sql = "INSERT INTO sessions (id, movie, room, starts_at, price_cents, layout, created_at, closed_at,
                              version, changed_at, movie_folded, room_folded)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    each(tx, sessions, sql, |statement, session| {
        statement.execute(params![
            &session.id.as_uuid().as_bytes()[..],
            session.movie,
            session.room,
            session.starts_at.as_millis(),
            session.price.get(),
            session.layout.to_string(),
            session.created_at.as_millis(),
            session.closed_at.map(Timestamp::as_millis),
            session.version,
            session.changed_at.as_millis(),
            text::folded(&session.movie),
            text::folded(&session.room),
        ])?;
        Ok(())
    })
}

fn update_sessions(tx: &Transaction<'_>, changed: &[ChangedSession<'_>]) -> Result<(), Error> {
    let sql =
        "UPDATE sessions SET movie = ?, room = ?, starts_at = ?, price_cents = ?, closed_at = ?,
            version = ?, changed_at = ?, movie_folded = ?, room_folded = ?
         WHERE id = ? AND version = ? AND closed_at IS NULL";
    each(tx, changed, sql, |statement, changed| {
        let ChangedSession { session, read_version } = *changed;
        let changed = statement.execute(params![
            session.movie,
            session.room,
            session.starts_at.as_millis(),
            session.price.get(),
            session.closed_at.map(Timestamp::as_millis),
            session.version,
            session.changed_at.as_millis(),
            text::folded(&session.movie),
            text::folded(&session.room),
            &session.id.as_uuid().as_bytes()[..],
            read_version,
        ])?;
        expect_rows("update session", 1, changed)
    })
}

fn insert_past_sessions(tx: &Transaction<'_>, sessions: &[&Session]) -> Result<(), Error> {
    let sql =
        "INSERT INTO session_versions (session_id, version, movie, room, starts_at, price_cents)
         VALUES (?, ?, ?, ?, ?, ?)";
    each(tx, sessions, sql, |statement, past| {
        statement.execute(params![
            &past.id.as_uuid().as_bytes()[..],
            past.version,
            past.movie,
            past.room,
            past.starts_at.as_millis(),
            past.price.get(),
        ])?;
        Ok(())
    })
}

fn insert_seats(tx: &Transaction<'_>, seats: &[&Seat]) -> Result<(), Error> {
    let sql =
        "INSERT INTO seats (session_id, seat_no, label, status, version) VALUES (?, ?, ?, ?, ?)";
    each(tx, seats, sql, |statement, seat| {
        statement.execute(params![
            &seat.id.session().as_uuid().as_bytes()[..],
            seat.id.no().get(),
            Layout::label(seat.id.no()),
            "AVAILABLE",
            seat.version,
        ])?;
        Ok(())
    })
}

fn update_seats(tx: &Transaction<'_>, seats: &[ChangedSeat<'_>]) -> Result<(), Error> {
    let sql = "UPDATE seats SET status = ?, reservation_id = ?, hold_until = ?, version = ?
         WHERE session_id = ? AND seat_no = ? AND version = ?";
    each(tx, seats, sql, |statement, changed| {
        let ChangedSeat { seat: new, read_version } = *changed;
        let (status, by, until) = match &new.state {
            SeatState::Available => ("AVAILABLE", None, None),
            SeatState::Held { by, until } => ("RESERVED", Some(by), Some(until.as_millis())),
            SeatState::Sold { by } => ("SOLD", Some(by), None),
        };
        let changed = statement.execute(params![
            status,
            by.map(|id| &id.as_uuid().as_bytes()[..]),
            until,
            new.version,
            &new.id.session().as_uuid().as_bytes()[..],
            new.id.no().get(),
            read_version,
        ])?;
        expect_rows("update seat", 1, changed)
    })
}

fn insert_reservations(tx: &Transaction<'_>, reservations: &[&Reservation]) -> Result<(), Error> {
    let sql = "INSERT INTO reservations (id, session_id, seat_nos, user_id, total_cents, status,
                                   created_at, expires_at, extensions, session_version)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    each(tx, reservations, sql, |statement, reservation| {
        statement.execute(params![
            &reservation.id.as_uuid().as_bytes()[..],
            &reservation.session.as_uuid().as_bytes()[..],
            row::join_seat_nos(&reservation.seats),
            reservation.user.as_str(),
            reservation.total.get(),
            reservation_status(reservation.status),
            reservation.created_at.as_millis(),
            reservation.expires_at.as_millis(),
            reservation.extensions,
            reservation.showing.version,
        ])?;
        Ok(())
    })
}

/// Only a pending reservation ever changes, so that is what the guard asks for.
fn update_reservations(tx: &Transaction<'_>, reservations: &[&Reservation]) -> Result<(), Error> {
    let sql = "UPDATE reservations SET status = ?, expires_at = ?, extensions = ?
         WHERE id = ? AND status = 'PENDING'";
    each(tx, reservations, sql, |statement, reservation| {
        let changed = statement.execute(params![
            reservation_status(reservation.status),
            reservation.expires_at.as_millis(),
            reservation.extensions,
            &reservation.id.as_uuid().as_bytes()[..],
        ])?;
        expect_rows("update reservation", 1, changed)
    })
}

fn insert_sales(tx: &Transaction<'_>, sales: &[&Sale]) -> Result<(), Error> {
    let sql =
        "INSERT INTO sales (id, reservation_id, session_id, user_id, total_cents, movie, room,
                            starts_at, paid_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)";
    each(tx, sales, sql, |statement, sale| {
        statement.execute(params![
            &sale.id.as_uuid().as_bytes()[..],
            &sale.reservation.as_uuid().as_bytes()[..],
            &sale.session.as_uuid().as_bytes()[..],
            sale.user.as_str(),
            sale.total.get(),
            sale.movie,
            sale.room,
            sale.starts_at.as_millis(),
            sale.paid_at.as_millis(),
        ])?;
        Ok(())
    })
}

fn insert_sale_seats(tx: &Transaction<'_>, sales: &[&Sale]) -> Result<(), Error> {
    let sql =
        "INSERT INTO sale_seats (session_id, seat_no, sale_id, price_cents) VALUES (?, ?, ?, ?)";
    each(tx, sales, sql, |statement, sale| {
        for no in &sale.seats {
            statement.execute(params![
                &sale.session.as_uuid().as_bytes()[..],
                no.get(),
                &sale.id.as_uuid().as_bytes()[..],
                sale.seat_price().get(),
            ])?;
        }
        Ok(())
    })
}

/// Fails unless a statement changed exactly the rows it was meant to.
fn expect_rows(what: &str, expected: usize, changed: usize) -> Result<(), Error> {
    if changed == expected {
        Ok(())
    } else {
        Err(Error::Guard(format!("{what}: {changed} rows instead of {expected}")))
    }
}
