//! Writes of the relay, the projections and the retention, in the writer's transactions.

use std::collections::{BTreeMap, BTreeSet};

use poltrona_domain::Timestamp;
use rusqlite::{Result, Transaction};
use uuid::Uuid;

use crate::store::background::{
    BackgroundWrite, Effect, HourChange, Projection, Purgeable, SessionChange, together,
};

/// Runs a write; gives the number of rows of its subject that it touched.
pub(super) fn run(tx: &Transaction<'_>, write: &BackgroundWrite) -> Result<usize> {
    match write {
        BackgroundWrite::DeleteOutbox { rows, effects } => delete_outbox(tx, rows, effects),
        BackgroundWrite::Project { projection, effects, .. } => project(tx, *projection, effects),
        BackgroundWrite::FoldTexts { lot } => fold_texts(tx, *lot),
        BackgroundWrite::Purge { kind, before, lot } => purge(tx, *kind, *before, *lot),
    }
}

/// Deletes rows and adds their effects. An inbox row of one says that an older version of the program has
/// added its effect already, and ended before it deleted the row.
fn delete_outbox(
    tx: &Transaction<'_>,
    rows: &[Uuid],
    effects: &[(Projection, Effect)],
) -> Result<usize> {
    let mut delete = tx.prepare_cached("DELETE FROM outbox WHERE id = ?")?;
    let mut deleted = BTreeSet::new();
    for id in rows {
        if delete.execute([&id.as_bytes()[..]])? == 1 {
            deleted.insert(id);
        }
    }
    let mut done = tx.prepare_cached("DELETE FROM inbox WHERE consumer = ? AND event_id = ?")?;
    let mut fresh = Vec::with_capacity(effects.len());
    for (projection, effect) in effects {
        let key = (projection.name(), &effect.message.as_bytes()[..]);
        if deleted.contains(&effect.message) && done.execute(key)? == 0 {
            fresh.push(effect);
        }
    }
    add(tx, fresh)?;
    Ok(deleted.len())
}

fn project(tx: &Transaction<'_>, projection: Projection, effects: &[Effect]) -> Result<usize> {
    let mut inbox = tx.prepare_cached(
        "INSERT OR IGNORE INTO inbox (consumer, event_id, created_at) VALUES (?, ?, ?)",
    )?;
    let mut fresh = Vec::with_capacity(effects.len());
    for effect in effects {
        let (id, time) = (&effect.message.as_bytes()[..], effect.created_at.as_millis());
        if inbox.execute((projection.name(), id, time))? == 1 {
            fresh.push(effect);
        }
    }
    let count = fresh.len();
    add(tx, fresh)?;
    Ok(count)
}

/// Adds effects to the tables that follow events.
fn add(tx: &Transaction<'_>, effects: Vec<&Effect>) -> Result<()> {
    let (sessions, hours) = together(effects.into_iter());
    write_sessions(tx, &sessions)?;
    write_hours(tx, &hours)
}

/// Messages may come in any order, so each adds to the row, or makes it; but a late message about a closed
/// session must not bring its row back.
fn write_sessions(tx: &Transaction<'_>, changes: &BTreeMap<Uuid, SessionChange>) -> Result<()> {
    let mut add = tx.prepare_cached(
        "UPDATE session_stats SET seats = seats + ?2, held = held + ?3, sold = sold + ?4,
            revenue_cents = revenue_cents + ?5
         WHERE session_id = ?1",
    )?;
    let mut make = tx.prepare_cached(
        "INSERT INTO session_stats (session_id, seats, held, sold, revenue_cents)
         SELECT ?1, ?2, ?3, ?4, ?5
         WHERE NOT EXISTS (SELECT 1 FROM sessions WHERE id = ?1 AND closed_at IS NOT NULL)",
    )?;
    let mut remove = tx.prepare_cached("DELETE FROM session_stats WHERE session_id = ?")?;
    for (session, change) in changes {
        let id = &session.as_bytes()[..];
        if change.closed {
            remove.execute([id])?;
        } else if *change != SessionChange::default() {
            let row = (id, change.seats, change.held, change.sold, change.revenue_cents);
            if add.execute(row)? == 0 {
                make.execute(row)?;
            }
        }
    }
    Ok(())
}

fn write_hours(tx: &Transaction<'_>, changes: &BTreeMap<i64, HourChange>) -> Result<()> {
    let mut add = tx.prepare_cached(
        "INSERT INTO sales_by_hour (hour, sales, seats, revenue_cents) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (hour) DO UPDATE SET
            sales = sales + ?2, seats = seats + ?3, revenue_cents = revenue_cents + ?4",
    )?;
    for (hour, change) in changes {
        add.execute((hour, change.sales, change.seats, change.revenue_cents))?;
    }
    Ok(())
}

fn fold_texts(tx: &Transaction<'_>, lot: u16) -> Result<usize> {
    tx.prepare_cached(
        "UPDATE sessions SET movie_folded = folded(movie), room_folded = folded(room)
         WHERE id IN (SELECT id FROM sessions WHERE movie_folded IS NULL LIMIT ?)",
    )?
    .execute([lot])
}

fn purge(tx: &Transaction<'_>, kind: Purgeable, before: Timestamp, lot: u16) -> Result<usize> {
    let sql = match kind {
        Purgeable::Answers => {
            "DELETE FROM idempotency WHERE rowid IN
             (SELECT rowid FROM idempotency WHERE created_at < ? ORDER BY created_at LIMIT ?)"
        }
        Purgeable::Reservations => {
            "DELETE FROM reservations WHERE id IN
             (SELECT id FROM reservations WHERE status IN ('EXPIRED', 'CANCELLED')
              AND expires_at < ? ORDER BY expires_at LIMIT ?)"
        }
        Purgeable::Inbox => {
            "DELETE FROM inbox WHERE (consumer, event_id) IN
             (SELECT consumer, event_id FROM inbox WHERE created_at < ? ORDER BY created_at LIMIT ?)"
        }
    };
    tx.prepare_cached(sql)?.execute((before.as_millis(), lot))
}
