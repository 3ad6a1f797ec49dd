//! Delay queues: the lengths of holds that have one, and the messages about holds.
//!
//! A hold waits in a queue of its length, and is announced when it comes out. The length is the
//! hold's own, not this instance's setting: instances may differ.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use poltrona_domain::{EventKind, ReservationId, Timestamp};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use uuid::Uuid;

use crate::event::EventBatch;
use crate::wire::{Id, Time};

/// The name under which messages to all of these queues are counted.
pub(super) const METER: &str = "poltrona.holds";
/// How old events may be for the delay to be trusted: it begins when they are sent.
const LATE: Duration = Duration::from_secs(1);
/// How many holds one message has at most.
pub(super) const HOLDS: usize = 1_000;
/// How many lengths have a queue at a time. There is one for each setting in use; an extension
/// under a shorter setting keeps the longer hold's end, and so makes an odd length.
const LENGTHS: usize = 16;

/// A hold that ends.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Hold {
    /// The reservation.
    reservation_id: Id,
    /// Its end.
    expires_at: Time,
    /// When its events were encoded.
    #[serde(skip)]
    since: Timestamp,
}

/// A hold that ends, as a consumer reads it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Lapse {
    /// The reservation.
    pub(super) reservation_id: Uuid,
}

impl Hold {
    /// Whether it began so long before `now` that it ends before its delay.
    pub(super) fn is_late(&self, now: Timestamp) -> bool {
        self.since.until(now) > LATE
    }

    /// Its end and its reservation, as the expiry takes them.
    pub(super) const fn end(&self) -> (Timestamp, ReservationId) {
        (self.expires_at.0, ReservationId::from_uuid(self.reservation_id.0))
    }
}

/// The holds that messages begin, by their length in milliseconds.
pub(super) fn by_length(messages: &[Arc<EventBatch>]) -> BTreeMap<u64, Vec<Hold>> {
    let mut lengths = BTreeMap::<_, Vec<_>>::new();
    for message in messages {
        for event in &message.events {
            let begins = matches!(
                event.kind.known(),
                Some(EventKind::ReservationCreated | EventKind::ReservationExtended)
            );
            let (true, Some(reservation), Some(from), Some(to)) =
                (begins, event.reservation, event.at, event.expires_at)
            else {
                continue;
            };
            let length = u64::try_from(from.until(to).as_millis()).unwrap_or(u64::MAX);
            lengths.entry(length).or_default().push(Hold {
                reservation_id: Id(*reservation.as_uuid()),
                expires_at: Time(to),
                since: message.created_at,
            });
        }
    }
    lengths
}

/// The lengths that have a queue, each with when it was last sent to.
#[derive(Default)]
pub(super) struct DelayQueues(Mutex<BTreeMap<u64, Instant>>);

/// Whether holds of a length can be sent to a queue.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Admission {
    /// Its queue is there.
    Known,
    /// Its queue has to be declared first.
    New,
    /// There are too many queues.
    TooMany,
}

impl DelayQueues {
    /// Admits a hold of this length, which is sent now.
    pub(super) fn admit(&self, length: u64, now: Instant) -> Admission {
        let mut lengths = self.lock();
        if !lengths.contains_key(&length) {
            forget_unused(&mut lengths, now);
            if lengths.len() == LENGTHS {
                return Admission::TooMany;
            }
        }
        match lengths.insert(length, now) {
            Some(_) => Admission::Known,
            None => Admission::New,
        }
    }

    /// The lengths whose queues may have our messages. RabbitMQ deletes a queue that is not
    /// declared for long, with its messages.
    pub(super) fn in_use(&self, now: Instant) -> Vec<u64> {
        let mut lengths = self.lock();
        forget_unused(&mut lengths, now);
        lengths.keys().copied().collect()
    }

    /// Forgets them: the queues may be gone.
    pub(super) fn forget(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The last message leaves its queue after one length; a queue stays for ten.
fn forget_unused(lengths: &mut BTreeMap<u64, Instant>, now: Instant) {
    let twice = |length: u64| Duration::from_millis(length.saturating_mul(2));
    lengths.retain(|length, sent| now.saturating_duration_since(*sent) <= twice(*length));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_are_sorted_by_their_own_length() {
        let event = |kind: &str, id: u32, end: &str| {
            format!(
                r#"{{"type":"{kind}","time":"2026-01-01T10:00:00.000Z","data":{{
                   "reservationId":"01900000-0000-7000-8000-{id:012}","expiresAt":"{end}"}}}}"#
            )
        };
        let events = [
            event("reservation.created", 1, "2026-01-01T10:00:30.000Z"),
            event("reservation.extended", 2, "2026-01-01T10:00:30.000Z"),
            event("reservation.created", 3, "2026-01-01T10:00:00.500Z"),
            event("payment.confirmed", 4, "2026-01-01T10:00:30.000Z"),
        ];
        let events = format!("[{}]", events.join(","));
        let message = |at| {
            let at = Timestamp::from_millis(at);
            Arc::new(EventBatch::read(Uuid::nil(), at, events.clone()).unwrap())
        };
        let lengths = by_length(&[message(0), message(1_000)]);
        let ids = |length: u64| {
            let id = |hold: &Hold| hold.reservation_id.0.as_u128() & 0xf;
            lengths[&length].iter().map(id).collect::<Vec<_>>()
        };
        assert_eq!(lengths.keys().copied().collect::<Vec<_>>(), [500, 30_000]);
        assert_eq!((ids(500), ids(30_000)), (vec![3, 3], vec![1, 2, 1, 2]));
        let late = |hold: &Hold| hold.is_late(Timestamp::from_millis(1_001));
        assert_eq!(lengths[&500].iter().map(late).collect::<Vec<_>>(), [true, false]);
        let json = serde_json::to_string(&lengths[&500][..1]).unwrap();
        let id = "01900000-0000-7000-8000-000000000003";
        let end = "2026-01-01T10:00:00.500Z";
        assert_eq!(json, format!(r#"[{{"reservationId":"{id}","expiresAt":"{end}"}}]"#));
    }

    #[test]
    fn a_length_has_a_queue_while_it_is_used_and_there_are_not_too_many() {
        let (lengths, now) = (DelayQueues::default(), Instant::now());
        assert_eq!(lengths.admit(1_000, now), Admission::New);
        assert_eq!(lengths.admit(1_000, now), Admission::Known);
        for length in 0..LENGTHS as u64 - 1 {
            assert_eq!(lengths.admit(60_000 + length, now), Admission::New);
        }
        assert_eq!(lengths.admit(7, now), Admission::TooMany);
        let later = now + Duration::from_millis(2_001);
        assert!(!lengths.in_use(later).contains(&1_000));
        assert_eq!(lengths.admit(7, later), Admission::New);
    }
}
