//! The work that a queue's messages ask for.

use std::time::Duration;

use lapin::message::Delivery;
use poltrona_domain::{ReservationId, Timestamp};
use uuid::Uuid;

use super::holds::Lapse;
use super::state::State;
use super::topology::Queue;
use crate::event::EventBatch;
use crate::ledger::Error;
use crate::observe::traces::SpanKind;
use crate::projection;
use crate::store::background::{BackgroundWrite, Projection};

/// How many lapses are handed to the ledger at a time.
const LAPSES: usize = 4_096;
/// How long lapses may take, since people's commands go first. Then they stay unacknowledged, and
/// are handed over again.
const PATIENCE: Duration = Duration::from_mins(5);

/// Messages of one queue, read.
pub(super) enum Batch {
    /// Events that a projection follows.
    Events(Projection, Vec<EventBatch>),
    /// Reservations that lapse, by message.
    Lapses(Vec<Vec<ReservationId>>),
}

/// The store cannot be used now. It is no message's fault, and trying again will help.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Away(Error);

/// The outcome of a message: why it failed, if it did.
type Verdict = Result<(), String>;

impl Batch {
    /// An empty batch of this queue's messages.
    pub(super) const fn new(queue: Queue) -> Self {
        match queue.projection() {
            Some(projection) => Self::Events(projection, Vec::new()),
            None => Self::Lapses(Vec::new()),
        }
    }

    /// Adds a message. An unreadable one fails at once, for no retry would help.
    ///
    /// The inbox remembers it from `now` on, not from the time of its events: it may have waited
    /// for long, and so may a second copy.
    pub(super) fn add(&mut self, delivery: &Delivery, now: Timestamp) -> Verdict {
        match self {
            Self::Events(_, messages) => messages.push(message(delivery, now)?),
            Self::Lapses(lapses) => {
                let ended: Vec<Lapse> =
                    serde_json::from_slice(&delivery.data).map_err(unreadable)?;
                let id = |lapse: &Lapse| ReservationId::from_uuid(lapse.reservation_id);
                lapses.push(ended.iter().map(id).collect());
            }
        }
        Ok(())
    }

    /// Performs it; gives each message's outcome, in order.
    pub(super) async fn act(&self, bus: &State) -> Result<Vec<Verdict>, Away> {
        match self {
            Self::Events(projection, messages) => project(bus, *projection, messages).await,
            Self::Lapses(lapses) => expire(bus, lapses).await,
        }
    }
}

fn message(delivery: &Delivery, now: Timestamp) -> Result<EventBatch, String> {
    let id = delivery.properties.message_id().as_ref();
    let id = id
        .and_then(|id| Uuid::try_parse(id.as_str()).ok())
        .ok_or("it has no message-id that is a UUID")?;
    let events = String::from_utf8(delivery.data.clone()).map_err(unreadable)?;
    EventBatch::read(id, now, events).map_err(unreadable)
}

fn unreadable(error: impl std::fmt::Display) -> String {
    format!("it cannot be read: {error}")
}

/// Writes all in one transaction; when that fails, each in its own, so that it fails alone.
async fn project(
    bus: &State,
    projection: Projection,
    messages: &[EventBatch],
) -> Result<Vec<Verdict>, Away> {
    let write = async |messages: &[EventBatch]| {
        let effects = projection::effects(projection, messages);
        let causes = messages.iter().flat_map(EventBatch::traceparents);
        let span = bus.traces.following("consume", SpanKind::Consumer, causes);
        span.set("messaging.destination.name", projection.name());
        let write = BackgroundWrite::Project { projection, effects, synced: true };
        let taken = span.around(bus.ledger.write(write)).await;
        verdict(taken.inspect_err(|error| span.fail(error)).map(drop))
    };
    if messages.is_empty() {
        return Ok(Vec::new());
    }
    let together = write(messages).await?;
    if together.is_ok() || messages.len() == 1 {
        return Ok(vec![together; messages.len()]);
    }
    let mut verdicts = Vec::with_capacity(messages.len());
    for message in messages {
        verdicts.push(write(std::slice::from_ref(message)).await?);
    }
    Ok(verdicts)
}

async fn expire(bus: &State, lapses: &[Vec<ReservationId>]) -> Result<Vec<Verdict>, Away> {
    let all: Vec<_> = lapses.iter().flatten().copied().collect();
    let mut done = Vec::with_capacity(all.len());
    for some in all.chunks(LAPSES) {
        let recording = bus.expiry.record(&bus.ledger, some);
        let recorded = tokio::time::timeout(PATIENCE, recording).await;
        done.extend(recorded.map_err(|_| Away(Error::Overloaded))?);
    }
    let mut done = done.into_iter();
    let of_one = |lapses: &Vec<ReservationId>| {
        done.by_ref().take(lapses.len()).map(verdict).try_fold(Ok(()), |all, one| Ok(all.and(one?)))
    };
    lapses.iter().map(of_one).collect()
}

/// Whether the message failed, or the store.
fn verdict(outcome: Result<(), Error>) -> Result<Verdict, Away> {
    match outcome {
        Ok(()) => Ok(Ok(())),
        Err(
            error @ (Error::Unavailable | Error::Overloaded | Error::Full | Error::OutcomeUnknown),
        ) => Err(Away(error)),
        Err(error) => Ok(Err(error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delivery(body: &str) -> Delivery {
        Delivery::mock(1, "".into(), "".into(), false, body.into())
    }

    #[test]
    fn an_unreadable_message_is_not_in_the_batch() {
        let now = Timestamp::from_millis(0);
        let mut lapses = Batch::new(Queue::Expirations);
        let id = "01900000-0000-7000-8000-000000000001";
        let sound = format!(r#"[{{"reservationId":"{id}","expiresAt":""}}]"#);
        assert_eq!(lapses.add(&delivery(&sound), now), Ok(()));
        assert!(lapses.add(&delivery("poison"), now).is_err());
        assert!(matches!(lapses, Batch::Lapses(ids) if ids.len() == 1 && ids[0].len() == 1));
        let mut events = Batch::new(Queue::Payments);
        let why = events.add(&delivery("[]"), now).unwrap_err();
        assert_eq!(why, "it has no message-id that is a UUID");
        let id = id.parse().unwrap();
        for (total, is_read) in
            [("25.5", true), ("999999999.9", true), ("1e17", false), ("-1", false)]
        {
            let json = format!(
                r#"[{{"type":"payment.confirmed","time":"","data":{{"total":{total},"seatIds":[]}}}}]"#
            );
            assert_eq!(EventBatch::read(id, now, json).is_ok(), is_read, "{total}");
        }
    }

    #[test]
    fn a_store_that_is_away_is_no_messages_fault() {
        for away in [Error::Unavailable, Error::Overloaded, Error::Full, Error::OutcomeUnknown] {
            assert!(verdict(Err(away)).is_err());
        }
        assert!(verdict(Err(Error::InvariantViolation)).unwrap().is_err());
        assert!(verdict(Ok(())).unwrap().is_ok());
    }
}
