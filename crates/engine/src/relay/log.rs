//! Events as lines of the log.

use std::time::Duration;

use poltrona_domain::EventKind;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::info;

use crate::env::clock::pause;
use crate::event::{EventIn, Kind};
use crate::observe::line_limit::{LineLimit, LogTime};
use crate::observe::traceparent;

const SECOND: Duration = Duration::from_secs(1);

/// A log line's target is fixed where it is written, so each has its own: that of what the event is about.
macro_rules! line {
    ($name:expr, $($fields:tt)+) => {
        match $name.split('.').next() {
            Some("session") => info!(target: "session", $($fields)+),
            Some("seat") => info!(target: "seat", $($fields)+),
            Some("payment") => info!(target: "payment", $($fields)+),
            _ => info!(target: "reservation", $($fields)+),
        }
    };
}

/// The log of events, so that operators see events go by: ten lines a second of each kind, then the number of
/// the others. User ids stay out of it.
#[derive(Debug, Default)]
pub struct EventLog {
    time: LogTime,
    /// One for each kind of event, and one for those of later versions.
    limits: [LineLimit; EventKind::ALL.len() + 1],
}

impl EventLog {
    /// Logs an event that passes at `now`, unless there were enough of its kind within this second.
    pub(super) fn event(&self, event: &EventIn, now: Instant) {
        let verdict = self.limit(&event.kind).take(self.time, now);
        if verdict.left_out > 0 {
            left_out(name_of(event.kind.known()), verdict.left_out);
        }
        if verdict.is_written {
            write(event);
        }
    }

    /// Logs once a second how many lines were left out, until stopped.
    pub(super) async fn count_left_out(&self, stop: &CancellationToken) {
        while stop.run_until_cancelled(pause(SECOND)).await.is_some() {
            self.close(false);
        }
    }

    /// Logs how many lines were left out in the seconds that are over. Of the one that runs too, if `all`.
    fn close(&self, all: bool) {
        let kinds = EventKind::ALL.map(Some).into_iter().chain([None]);
        for (kind, limit) in kinds.zip(&self.limits) {
            let count = limit.close(self.time, Instant::now(), all);
            if count > 0 {
                left_out(name_of(kind), count);
            }
        }
    }

    fn limit(&self, kind: &Kind) -> &LineLimit {
        let known = kind.known().and_then(|it| EventKind::ALL.iter().position(|kind| *kind == it));
        &self.limits[known.unwrap_or(EventKind::ALL.len())]
    }
}

impl Drop for EventLog {
    /// The last delivery has ended: no later line would bring the last numbers.
    fn drop(&mut self) {
        self.close(true);
    }
}

fn write(event: &EventIn) {
    let name = event.kind.name();
    let session = event.session.map(tracing::field::display);
    let reservation = event.reservation.map(tracing::field::display);
    let trace = event.traceparent.as_deref().and_then(traceparent::trace);
    line!(name, session, reservation, seats = event.seats, trace_id = trace, "{name}");
}

/// The name under which lines of a kind are counted; kinds of later versions share one.
fn name_of(kind: Option<EventKind>) -> &'static str {
    kind.map_or("other", EventKind::name)
}

fn left_out(name: &str, left_out: u32) {
    line!(name, event = name, left_out, "lines like these left out within a second");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_has_a_limit_of_its_own() {
        let (log, now) = (EventLog::default(), Instant::now());
        let unknown = Kind::Unknown("reservation.moved".to_owned());
        let kinds = EventKind::ALL.map(Kind::Known).into_iter().chain([unknown]);
        for kind in kinds {
            let is_written = || log.limit(&kind).take(log.time, now).is_written;
            assert_eq!((0..25).filter(|_| is_written()).count(), 10, "{kind:?}");
        }
    }
}
