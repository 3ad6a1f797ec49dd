//! Folding events into facts.

use crate::event::Event;
use crate::facts::Facts;
use crate::seat::Seat;

/// Writes the rows of an event into the facts, so that the next command of a batch sees them.
pub fn apply(facts: &mut Facts, event: &Event) {
    match event {
        Event::SessionCreated(session) => {
            facts.sessions.insert(session.id, session.clone());
            for no in session.layout.numbers() {
                let seat = Seat::new(session.id.seat(no));
                facts.seats.insert(seat.id, seat);
            }
        }
        Event::SessionUpdated(session) => {
            if let Some(past) = facts.sessions.insert(session.id, session.clone()) {
                facts.past_sessions.insert((past.id, past.version), past);
            }
        }
        Event::SessionClosed(session) => {
            facts.sessions.insert(session.id, session.clone());
        }
        Event::PaymentConfirmed { sale, .. } => {
            facts.sales.insert(sale.id, sale.clone());
        }
        _ => {}
    }
    for seat in event.seats() {
        facts.seats.insert(seat.id, *seat);
    }
    if let Some(reservation) = event.reservation() {
        facts.reservations.insert(reservation.id, reservation.clone());
    }
}
