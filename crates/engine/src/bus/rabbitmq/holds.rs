//! Delay queues: the lengths of holds that have one, and the messages about holds.
//!
//! A hold waits in a queue of its length, and is announced when it comes out. The length is the
//! hold's own, not this instance's setting: instances may differ.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use poltrona_domain::{EventKind, ReservationId, Timestamp};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use uuid::Uuid;

use crate::event::EventBatch;
use crate::wire::{Time, parse_time};

/// The name under which messages to all of these queues are counted.
pub(super) const METER: &str = "poltrona.holds";
/// How old events may be for the delay to be trusted: it begins when they are sent.
pub(super) const LATE: Duration = Duration::from_secs(1);
/// How many lengths have a queue at a time. There is one for each setting in use; an extension
/// under a shorter setting keeps the longer hold's end, and so makes an odd length.
const LENGTHS: usize = 16;

/// A hold that ends.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Hold {
    /// The reservation.
    pub(super) reservation_id: Uuid,
    /// Its end, RFC 3339.
    pub(super) expires_at: String,
}

/// The holds that a message begins, by their length in milliseconds.
pub(super) fn by_length(message: &EventBatch) -> BTreeMap<u64, Vec<Hold>> {
    let mut lengths = BTreeMap::<_, Vec<_>>::new();
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
        let hold =
            Hold { reservation_id: *reservation.as_uuid(), expires_at: Time(to).to_string() };
        lengths.entry(length).or_default().push(hold);
    }
    lengths
}

/// Holds as the expiry takes them.
pub(super) fn ends(holds: &[Hold]) -> Vec<(Timestamp, ReservationId)> {
    let end = |hold: &Hold| {
        let at = parse_time(&hold.expires_at)?;
        Some((at, ReservationId::from_uuid(hold.reservation_id)))
    };
    holds.iter().filter_map(end).collect()
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
        let message = EventBatch::read(Uuid::nil(), Timestamp::from_millis(0), events);
        let lengths = by_length(&message.unwrap());
        let ids = |length: u64| {
            let id = |hold: &Hold| hold.reservation_id.as_u128() & 0xf;
            lengths[&length].iter().map(id).collect::<Vec<_>>()
        };
        assert_eq!(lengths.keys().copied().collect::<Vec<_>>(), [500, 30_000]);
        assert_eq!((ids(500), ids(30_000)), (vec![3], vec![1, 2]));
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
