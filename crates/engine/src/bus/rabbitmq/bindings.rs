//! For which kinds of single events a queue is bound to the exchange.
//!
//! An event costs the broker as much as an outbox row, and mostly nobody listens. AMQP has no way to
//! ask for bindings, but it returns a `mandatory` message that found none: so one event tells for its
//! kind, which is its routing key. While a queue is bound every event is published; when one comes
//! back, those of its kind are left out for a moment, and then the next one asks again.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::time::Instant;

/// How long events of a kind that nobody listened to are left out.
pub(super) const PAUSE: Duration = Duration::from_secs(1);

/// The broker's answers, by kind of event. It is known of one connection, and forgotten
/// with it.
#[derive(Default)]
pub(super) struct Bindings(BTreeMap<String, Bound>);

/// Whether a queue was bound for a kind of event when it was last asked.
#[derive(Clone, Copy)]
enum Bound {
    Yes,
    /// None was, at this time.
    No(Instant),
}

/// What to do with an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Publish it: a queue was bound.
    Publish,
    /// Publish it, and wait for the answer before another of its kind.
    Ask,
    /// Leave it out: no queue was bound a moment ago.
    LeaveOut,
}

impl Bindings {
    /// What to do with an event of this kind.
    pub(super) fn verdict(&self, kind: &str, now: Instant) -> Verdict {
        match self.0.get(kind) {
            Some(Bound::Yes) => Verdict::Publish,
            Some(Bound::No(at)) if now.saturating_duration_since(*at) < PAUSE => Verdict::LeaveOut,
            Some(Bound::No(_)) | None => Verdict::Ask,
        }
    }

    /// Learns that of the kinds that were `published` these came back.
    pub(super) fn learn(
        &mut self,
        published: &BTreeSet<&str>,
        returned: &BTreeSet<String>,
        now: Instant,
    ) {
        for kind in published {
            let bound = if returned.contains(*kind) { Bound::No(now) } else { Bound::Yes };
            self.0.insert((*kind).to_owned(), bound);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_that_came_back_is_left_out_for_a_moment_and_then_asks_again() {
        let (mut bindings, now) = (Bindings::default(), Instant::now());
        assert_eq!(bindings.verdict("seat.released", now), Verdict::Ask);
        let (both, returned) =
            (BTreeSet::from(["paid", "held"]), BTreeSet::from(["held".to_owned()]));
        bindings.learn(&both, &returned, now);
        assert_eq!(bindings.verdict("paid", now + PAUSE), Verdict::Publish);
        let last = now + PAUSE - Duration::from_millis(1);
        assert_eq!(bindings.verdict("held", last), Verdict::LeaveOut);
        assert_eq!(bindings.verdict("held", now + PAUSE), Verdict::Ask);
        bindings.learn(&BTreeSet::from(["held"]), &BTreeSet::new(), now + PAUSE);
        assert_eq!(bindings.verdict("held", now + PAUSE), Verdict::Publish);
        bindings.learn(&both, &returned, now + PAUSE);
        assert_eq!(bindings.verdict("held", now + PAUSE), Verdict::LeaveOut, "it was unbound");
    }
}
