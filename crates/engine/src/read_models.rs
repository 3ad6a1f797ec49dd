//! What the consumers' tables hold, which pages and reports read: how full each session is, and what
//! was sold in each hour.
//!
//! They follow the events, a moment behind; the seats themselves are the truth. Here it is told what
//! an event adds; the stores write it down.

use std::collections::BTreeMap;

use uuid::Uuid;

use crate::bus::Message;
use crate::envelope::Received;
use crate::store::chore::{Consumer, Effect, HourChange, SessionChange};
use crate::wire::parse_time;

const HOUR_MILLIS: i64 = 3_600_000;

/// What each message adds to a consumer's table.
pub fn effects(consumer: Consumer, messages: &[Message]) -> Vec<Effect> {
    let effect = |message: &Message| {
        let (mut sessions, mut hours) = (BTreeMap::new(), BTreeMap::new());
        match consumer {
            Consumer::SessionStats => sessions = session_changes(&message.events),
            Consumer::SalesByHour => hours = hour_changes(&message.events),
        }
        Effect { message: message.id, created_at: message.created_at, sessions, hours }
    };
    messages.iter().map(effect).collect()
}

/// Whether a message holds anything that a consumer follows.
pub fn concerns(consumer: Consumer, events: &[Received]) -> bool {
    let followed: &[&str] = match consumer {
        Consumer::SessionStats => &[
            "session.created",
            "session.closed",
            "reservation.created",
            "reservation.cancelled",
            "reservation.expired",
            "payment.confirmed",
        ],
        Consumer::SalesByHour => &["payment.confirmed"],
    };
    events.iter().any(|event| followed.contains(&event.r#type.as_str()))
}

/// A seat that was taken over is counted as held twice until its first hold's end is told, which
/// follows within moments: a reservation's seats leave with it, whoever has them.
fn session_changes(events: &[Received]) -> BTreeMap<Uuid, SessionChange> {
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

fn hour_changes(events: &[Received]) -> BTreeMap<i64, HourChange> {
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
        let changes = session_changes(&events);
        let expected = SessionChange { sold: 2, revenue_cents: 5_110, ..SessionChange::default() };
        assert_eq!(changes.into_values().collect::<Vec<_>>(), [expected]);
    }

    #[test]
    fn a_sale_is_counted_in_the_hour_it_was_paid() {
        let events = [about_seats("payment.confirmed"), about_seats("reservation.expired")];
        let changes = hour_changes(&events);
        let expected = HourChange { sales: 1, seats: 2, revenue_cents: 5_110 };
        assert_eq!(changes.into_iter().collect::<Vec<_>>(), [(1_772_391_600_000, expected)]);
    }
}
