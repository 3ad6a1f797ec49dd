//! Events as lines of the log.

use tracing::info;

use crate::event::EventIn;
use crate::observe::traceparent;

/// Logs an event, under the target of what it is about, so that operators see events go by. User
/// ids stay out of it.
pub(super) fn event(event: &EventIn) {
    let name = event.kind.name();
    let session = event.session.map(tracing::field::display);
    let reservation = event.reservation.map(tracing::field::display);
    let trace = event.traceparent.as_deref().and_then(traceparent::trace);
    // A log line's target is fixed where it is written, so each has its own.
    macro_rules! line {
        ($target:literal) => {
            info!(target: $target, session, reservation, seats = event.seats, trace_id = trace, "{name}")
        };
    }
    match name.split('.').next() {
        Some("session") => line!("session"),
        Some("seat") => line!("seat"),
        Some("payment") => line!("payment"),
        _ => line!("reservation"),
    }
}
