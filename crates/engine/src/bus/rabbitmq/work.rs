//! What the messages of a queue ask for, and having it done.

use std::time::Duration;

use lapin::message::Delivery;
use poltrona_domain::{ReservationId, Timestamp};
use uuid::Uuid;

use super::Bus;
use super::holds::Hold;
use super::topology::Queue;
use crate::bus::Message;
use crate::ledger::Error;
use crate::observe::traces::SpanKind;
use crate::read_models;
use crate::store::chore::{Chore, Consumer};
use crate::store::query::OutboxRow;

/// How many lapses are handed to the ledger at a time.
const LAPSES: usize = 4_096;
/// How long lapses may take that people's commands go before; then the broker is told nothing, and they
/// are handed over again.
const PATIENCE: Duration = Duration::from_mins(5);

/// Messages of one queue, read.
pub(super) enum Batch {
    /// Events that a table follows.
    Events(Consumer, Vec<Message>),
    /// Reservations that lapse, by message.
    Lapses(Vec<Vec<ReservationId>>),
}

/// The store cannot be used now. It is no message's fault, and trying again will help.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Away(Error);

/// What became of a message: why it failed, if it did.
type Verdict = Result<(), String>;

impl Batch {
    /// An empty batch of what this queue brings.
    pub(super) const fn new(queue: Queue) -> Self {
        match queue.consumer() {
            Some(consumer) => Self::Events(consumer, Vec::new()),
            None => Self::Lapses(Vec::new()),
        }
    }

    /// Reads one more message. What cannot be read will never be: it fails at once.
    ///
    /// The inbox remembers it from `now` on, when it acts, and not from when its events happened: it may
    /// have waited for long, and a second copy of it no less.
    pub(super) fn add(&mut self, delivery: &Delivery, now: Timestamp) -> Verdict {
        match self {
            Self::Events(_, messages) => messages.push(message(delivery, now)?),
            Self::Lapses(lapses) => {
                let holds: Vec<Hold> =
                    serde_json::from_slice(&delivery.data).map_err(unreadable)?;
                let id = |hold: &Hold| ReservationId::from_uuid(hold.reservation_id);
                lapses.push(holds.iter().map(id).collect());
            }
        }
        Ok(())
    }

    /// Does it; says what became of each message, in order.
    pub(super) async fn act(&self, bus: &Bus) -> Result<Vec<Verdict>, Away> {
        match self {
            Self::Events(consumer, messages) => follow(bus, *consumer, messages).await,
            Self::Lapses(lapses) => expire(bus, lapses).await,
        }
    }
}

fn message(delivery: &Delivery, now: Timestamp) -> Result<Message, String> {
    let id = delivery.properties.message_id().as_ref();
    let id = id
        .and_then(|id| Uuid::try_parse(id.as_str()).ok())
        .ok_or("it has no message-id that is a UUID")?;
    let events = String::from_utf8(delivery.data.clone()).map_err(unreadable)?;
    Message::read(OutboxRow { id, created_at: now, events }).map_err(unreadable)
}

fn unreadable(error: impl std::fmt::Display) -> String {
    format!("it cannot be read: {error}")
}

/// All in one transaction; and when that fails, each in its own, so that it fails alone.
async fn follow(bus: &Bus, consumer: Consumer, messages: &[Message]) -> Result<Vec<Verdict>, Away> {
    let write = async |messages: &[Message]| {
        let effects = read_models::effects(consumer, messages);
        let causes = messages.iter().flat_map(Message::traceparents);
        let span = bus.traces.following("consume", SpanKind::Consumer, causes);
        span.set("messaging.destination.name", consumer.name());
        let chore = Chore::Follow { consumer, effects, synced: true };
        let taken = span.around(bus.ledger.write(chore)).await;
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

async fn expire(bus: &Bus, lapses: &[Vec<ReservationId>]) -> Result<Vec<Verdict>, Away> {
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

/// Whether it is the message that failed, or the store.
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
    fn what_cannot_be_read_is_not_in_the_batch() {
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
            let row = OutboxRow { id, created_at: now, events: json };
            assert_eq!(Message::read(row).is_ok(), is_read, "{total}");
        }
    }

    #[test]
    fn a_store_that_is_away_is_no_messages_fault() {
        for away in [Error::Unavailable, Error::Overloaded, Error::Full, Error::OutcomeUnknown] {
            assert!(verdict(Err(away)).is_err());
        }
        assert!(verdict(Err(Error::Guarded)).unwrap().is_err());
        assert!(verdict(Ok(())).unwrap().is_ok());
    }
}
