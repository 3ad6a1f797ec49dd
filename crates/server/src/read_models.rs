//! The consumers' tables, which pages and reports read: how full each session is, and what was sold
//! in each hour.
//!
//! They follow the events, a moment behind; the seats themselves are the truth.

use std::collections::BTreeMap;

use rusqlite::{Result, Transaction};
use uuid::Uuid;

use crate::bus::Message;
use crate::envelope::Received;
use crate::wire::parse_time;

const HOUR_MILLIS: i64 = 3_600_000;

/// A keeper of one table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consumer {
    /// Keeps `session_stats`: seats, held, sold and revenue of each open session.
    SessionStats,
    /// Keeps `sales_by_hour`.
    SalesByHour,
}

/// What messages add to a session's row.
#[derive(Debug, Default, PartialEq, Eq)]
struct SessionChange {
    seats: i64,
    held: i64,
    sold: i64,
    revenue_cents: i64,
    closed: bool,
}

/// What messages add to an hour's row.
#[derive(Debug, Default, PartialEq, Eq)]
struct HourChange {
    sales: i64,
    seats: i64,
    revenue_cents: i64,
}

impl Consumer {
    /// All of them.
    pub const ALL: &[Self] = &[Self::SessionStats, Self::SalesByHour];

    /// Its name in the inbox.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SessionStats => "session_stats",
            Self::SalesByHour => "sales_by_hour",
        }
    }

    /// Takes messages: those that it had before change nothing.
    pub fn take(self, tx: &Transaction<'_>, messages: &[Message]) -> Result<()> {
        let mut fresh = Vec::with_capacity(messages.len());
        let mut inbox = tx.prepare_cached(
            "INSERT OR IGNORE INTO inbox (consumer, event_id, created_at) VALUES (?, ?, ?)",
        )?;
        for message in messages {
            let id = &message.id.as_bytes()[..];
            if inbox.execute((self.name(), id, message.created_at.as_millis()))? == 1 {
                fresh.extend(&message.events);
            }
        }
        match self {
            Self::SessionStats => write_sessions(tx, &session_changes(&fresh)),
            Self::SalesByHour => write_hours(tx, &hour_changes(&fresh)),
        }
    }
}

/// A seat that was taken over is counted as held twice until its first hold's end is told, which
/// follows within moments: a reservation's seats leave with it, whoever has them.
fn session_changes(events: &[&Received]) -> BTreeMap<Uuid, SessionChange> {
    let mut changes = BTreeMap::<Uuid, SessionChange>::new();
    for event in events {
        let Some(session) = event.data.session_id else { continue };
        let change = changes.entry(session).or_default();
        let seats = count(event);
        match event.r#type.as_str() {
            "session.created" => change.seats += event.data.total_seats.map_or(0, i64::from),
            "session.closed" => change.closed = true,
            "reservation.created" => change.held += seats,
            "reservation.cancelled" | "reservation.expired" => change.held -= seats,
            "payment.confirmed" => {
                change.held -= seats;
                change.sold += seats;
                change.revenue_cents += cents(event);
            }
            _ => {}
        }
    }
    changes
}

fn hour_changes(events: &[&Received]) -> BTreeMap<i64, HourChange> {
    let mut changes = BTreeMap::<i64, HourChange>::new();
    for event in events.iter().filter(|event| event.r#type == "payment.confirmed") {
        let Some(time) = parse_time(&event.time) else { continue };
        let hour = time.as_millis().div_euclid(HOUR_MILLIS) * HOUR_MILLIS;
        let change = changes.entry(hour).or_default();
        change.sales += 1;
        change.seats += count(event);
        change.revenue_cents += cents(event);
    }
    changes
}

fn write_sessions(tx: &Transaction<'_>, changes: &BTreeMap<Uuid, SessionChange>) -> Result<()> {
    // A session may close before the lapse of its last hold is told, which finds no row then.
    let mut open = tx.prepare_cached(
        "INSERT INTO session_stats (session_id, seats, held, sold, revenue_cents)
         VALUES (?, ?, ?, ?, ?)",
    )?;
    let mut add = tx.prepare_cached(
        "UPDATE session_stats SET
            held = held + ?2, sold = sold + ?3, revenue_cents = revenue_cents + ?4
         WHERE session_id = ?1",
    )?;
    let mut remove = tx.prepare_cached("DELETE FROM session_stats WHERE session_id = ?")?;
    for (session, change) in changes {
        let id = &session.as_bytes()[..];
        if change.closed {
            remove.execute([id])?;
        } else if change.seats > 0 {
            open.execute((id, change.seats, change.held, change.sold, change.revenue_cents))?;
        } else if *change != SessionChange::default() {
            add.execute((id, change.held, change.sold, change.revenue_cents))?;
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

fn count(event: &Received) -> i64 {
    i64::try_from(event.data.seat_ids.len()).unwrap_or(i64::MAX)
}

#[expect(clippy::cast_possible_truncation, reason = "totals are whole cents far below 2^53")]
fn cents(event: &Received) -> i64 {
    (event.data.total.unwrap_or(0.0) * 100.0).round() as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(kind: &str, data: &str) -> Received {
        let time = "2026-03-01T19:30:00.000Z";
        let json = format!(r#"{{"type":"{kind}","time":"{time}","data":{data}}}"#);
        serde_json::from_str(&json).unwrap()
    }

    const SESSION: &str = "01900000-0000-7000-8000-000000100000";

    fn about_seats(kind: &str) -> Received {
        event(
            kind,
            &format!(
                r#"{{"sessionId":"{SESSION}","total":51.1,"seatIds":
                   ["01900000-0000-7000-8000-000000100001","01900000-0000-7000-8000-000000100002"]}}"#
            ),
        )
    }

    #[test]
    fn a_purchase_moves_seats_from_held_to_sold() {
        let events = [about_seats("reservation.created"), about_seats("payment.confirmed")];
        let changes = session_changes(&events.iter().collect::<Vec<_>>());
        let expected = SessionChange { sold: 2, revenue_cents: 5_110, ..SessionChange::default() };
        assert_eq!(changes.into_values().collect::<Vec<_>>(), [expected]);
    }

    #[test]
    fn a_sale_is_counted_in_the_hour_it_was_paid() {
        let events = [about_seats("payment.confirmed"), about_seats("reservation.expired")];
        let changes = hour_changes(&events.iter().collect::<Vec<_>>());
        let expected = HourChange { sales: 1, seats: 2, revenue_cents: 5_110 };
        assert_eq!(changes.into_iter().collect::<Vec<_>>(), [(1_772_391_600_000, expected)]);
    }
}
