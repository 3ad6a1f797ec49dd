//! The projections that pages and reports read: how full each session is, and what was sold in each
//! hour.
//!
//! They follow the events, a moment behind; the seats themselves are the truth. This module
//! computes what an event adds; the stores write it.

use std::collections::BTreeMap;

use poltrona_domain::{Cents, EventKind};
use uuid::Uuid;

use crate::event::{EventBatch, EventIn};
use crate::store::background::{Effect, HourChange, Projection, SessionChange};

const HOUR_MILLIS: i64 = 3_600_000;

/// The rows that each message adds to a projection.
pub fn effects<'a>(
    projection: Projection,
    messages: impl IntoIterator<Item = &'a EventBatch>,
) -> Vec<Effect> {
    let effect = |message: &EventBatch| {
        let (mut sessions, mut hours) = (BTreeMap::new(), BTreeMap::new());
        match projection {
            Projection::SessionStats => sessions = session_changes(&message.events),
            Projection::SalesByHour => hours = hour_changes(&message.events),
        }
        Effect { message: message.id, created_at: message.created_at, sessions, hours }
    };
    messages.into_iter().map(effect).collect()
}

/// Whether a message holds anything that a projection follows.
pub fn concerns(projection: Projection, events: &[EventIn]) -> bool {
    let followed: &[EventKind] = match projection {
        Projection::SessionStats => &[
            EventKind::SessionCreated,
            EventKind::SessionClosed,
            EventKind::ReservationCreated,
            EventKind::ReservationCancelled,
            EventKind::ReservationExpired,
            EventKind::PaymentConfirmed,
        ],
        Projection::SalesByHour => &[EventKind::PaymentConfirmed],
    };
    events.iter().filter_map(|event| event.kind.known()).any(|kind| followed.contains(&kind))
}

/// A seat that was taken over is counted as held twice until the end of its first hold is
/// announced, which follows within moments: a reservation's end subtracts its seats, even taken
/// ones.
fn session_changes(events: &[EventIn]) -> BTreeMap<Uuid, SessionChange> {
    let mut changes = BTreeMap::<Uuid, SessionChange>::new();
    for event in events {
        let (Some(session), Some(kind)) = (event.session, event.kind.known()) else { continue };
        let change = changes.entry(session).or_default();
        let seats = count(event);
        match kind {
            EventKind::SessionCreated => change.seats += seats,
            EventKind::SessionClosed => change.closed = true,
            EventKind::ReservationCreated => change.held += seats,
            EventKind::ReservationCancelled | EventKind::ReservationExpired => {
                change.held -= seats;
            }
            EventKind::PaymentConfirmed => {
                change.held -= seats;
                change.sold += seats;
                change.revenue_cents += cents(event);
            }
            EventKind::SessionUpdated
            | EventKind::ReservationExtended
            | EventKind::SeatReleased => {}
        }
    }
    changes
}

fn hour_changes(events: &[EventIn]) -> BTreeMap<i64, HourChange> {
    let mut changes = BTreeMap::<i64, HourChange>::new();
    for event in events.iter().filter(|it| it.kind.known() == Some(EventKind::PaymentConfirmed)) {
        let Some(time) = event.at else { continue };
        let hour = time.as_millis().div_euclid(HOUR_MILLIS) * HOUR_MILLIS;
        let change = changes.entry(hour).or_default();
        change.sales += 1;
        change.seats += count(event);
        change.revenue_cents += cents(event);
    }
    changes
}

fn count(event: &EventIn) -> i64 {
    i64::try_from(event.seats).unwrap_or(i64::MAX)
}

fn cents(event: &EventIn) -> i64 {
    event.total.map_or(0, Cents::get)
}

#[cfg(test)]
mod tests {
    use poltrona_domain::Timestamp;

    use super::*;
    use crate::event::Kind;

    fn about_two_seats(kind: EventKind) -> EventIn {
        EventIn {
            id: Uuid::nil(),
            kind: Kind::Known(kind),
            at: Some(Timestamp::from_millis(1_772_393_400_000)),
            traceparent: None,
            session: Some(Uuid::from_u128(1)),
            reservation: None,
            seats: 2,
            changed: Vec::new(),
            expires_at: None,
            total: Some(Cents::new(5_110)),
        }
    }

    #[test]
    fn a_purchase_moves_seats_from_held_to_sold() {
        let events = [EventKind::ReservationCreated, EventKind::PaymentConfirmed];
        let changes = session_changes(&events.map(about_two_seats));
        let expected = SessionChange { sold: 2, revenue_cents: 5_110, ..SessionChange::default() };
        assert_eq!(changes.into_values().collect::<Vec<_>>(), [expected]);
    }

    #[test]
    fn a_sale_is_counted_in_the_hour_it_was_paid() {
        let events = [EventKind::PaymentConfirmed, EventKind::ReservationExpired];
        let changes = hour_changes(&events.map(about_two_seats));
        let expected = HourChange { sales: 1, seats: 2, revenue_cents: 5_110 };
        assert_eq!(changes.into_iter().collect::<Vec<_>>(), [(1_772_391_600_000, expected)]);
    }
}
