//! Dead letters: listing them, and sending them back to be tried again.

use futures_util::future::BoxFuture;
use lapin::message::{BasicGetMessage, Delivery};
use lapin::options::{BasicAckOptions, BasicGetOptions};
use lapin::types::{AMQPValue, FieldArray, FieldTable};
use lapin::uri::AMQPUri;
use lapin::{BasicProperties, Channel, Connection};
use poltrona_domain::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::confirms::confirming;
use super::inspection;
use super::link::{close, declared, open, within};
use super::retry::{self, forgiven};
use super::topology::{self, Queue};
use crate::tls::Tls;
use crate::wire::Time;

/// The dead letters of a queue.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DeadLetterQueue {
    /// The queue's name.
    pub queue: &'static str,
    /// How many there are; `None` when there is no queue for them.
    pub count: Option<u32>,
    /// The first of them.
    pub letters: Vec<DeadLetter>,
}

/// A message that was given up.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DeadLetter {
    /// Its message-id: the outbox row's.
    pub id: Option<String>,
    /// When it was given up.
    pub at: Option<Time>,
    /// Why.
    pub why: String,
    /// How often it failed.
    pub failures: usize,
    /// The names of its events, or how many holds it is about; empty when it cannot be read.
    pub events: Vec<String>,
}

/// Looks at the dead letters of these queues, at most `limit` each, and leaves them where they are.
pub fn list<'a>(
    uri: &'a AMQPUri,
    tls: &'a Tls,
    queues: &'a [Queue],
    limit: usize,
) -> BoxFuture<'a, anyhow::Result<Vec<DeadLetterQueue>>> {
    Box::pin(async move {
        let connection = open(uri, tls).await?;
        let listed = list_on(&connection, queues, limit).await;
        // A message that was not acknowledged goes back to its place.
        close(connection).await;
        listed
    })
}

async fn list_on(
    connection: &Connection,
    queues: &[Queue],
    limit: usize,
) -> anyhow::Result<Vec<DeadLetterQueue>> {
    let mut queues_found = Vec::new();
    for queue in queues {
        // One that is not there costs its channel.
        let channel = within(connection.create_channel()).await?;
        let count = within(inspection::count(&channel, &queue.dead_letters())).await?;
        let mut letters = Vec::new();
        while count.is_some()
            && letters.len() < limit
            && let Some(found) = take(&channel, *queue).await?
        {
            letters.push(letter(&found.delivery));
        }
        queues_found.push(DeadLetterQueue { queue: queue.name(), count, letters });
    }
    Ok(queues_found)
}

/// Sends dead letters to the queues they came from, at most `limit` of each, as if they had never
/// failed; says how many. Those that die again meanwhile stay.
pub fn replay<'a>(
    uri: &'a AMQPUri,
    tls: &'a Tls,
    queues: &'a [Queue],
    limit: usize,
) -> BoxFuture<'a, anyhow::Result<Vec<(Queue, u32)>>> {
    Box::pin(async move {
        let connection = open(uri, tls).await?;
        let replayed = replay_on(&connection, queues, limit).await;
        close(connection).await;
        replayed
    })
}

async fn replay_on(
    connection: &Connection,
    queues: &[Queue],
    limit: usize,
) -> anyhow::Result<Vec<(Queue, u32)>> {
    let channel = confirming(connection).await?;
    let counts = declared(topology::declare(&channel)).await?;
    let limit = u32::try_from(limit).unwrap_or(u32::MAX);
    let mut replayed = Vec::new();
    for (queue, count) in counts.into_iter().filter(|(queue, _)| queues.contains(queue)) {
        let mut moved = 0;
        while moved < count.min(limit)
            && let Some(found) = take(&channel, queue).await?
        {
            let properties = forgiven(&found.properties);
            retry::send(&channel, queue.name(), &found.data, properties).await?;
            within(found.acker.ack(BasicAckOptions::default())).await?;
            moved += 1;
        }
        replayed.push((queue, moved));
    }
    Ok(replayed)
}

/// The next dead letter that is not in anyone's hand.
async fn take(channel: &Channel, queue: Queue) -> anyhow::Result<Option<BasicGetMessage>> {
    let name = queue.dead_letters().as_str().into();
    within(channel.basic_get(name, BasicGetOptions::default())).await
}

fn letter(delivery: &Delivery) -> DeadLetter {
    let properties = &delivery.properties;
    let failures = retry::failures(properties);
    let (reason, since) = death(properties);
    let at = failures.at_millis.or(since).map(|millis| Time(Timestamp::from_millis(millis)));
    DeadLetter {
        id: properties.message_id().as_ref().map(|id| id.as_str().to_owned()),
        at,
        why: failures.error.or(reason).unwrap_or_else(|| "unknown".to_owned()),
        failures: failures.count,
        events: names(&delivery.data),
    }
}

/// Why the broker itself moved a message here, and when: the latest entry of `x-death`, which a quorum
/// queue does not put first (<https://www.rabbitmq.com/docs/dlx#effects>).
fn death(properties: &BasicProperties) -> (Option<String>, Option<i64>) {
    let headers = properties.headers().as_ref().map(FieldTable::inner);
    let deaths = headers.and_then(|headers| headers.get("x-death")?.as_array());
    let deaths = deaths.map(FieldArray::as_slice).unwrap_or_default();
    let time = |death: &&FieldTable| death.inner().get("time").and_then(AMQPValue::as_timestamp);
    let last = deaths.iter().filter_map(AMQPValue::as_field_table).max_by_key(time);
    let reason = last.and_then(|last| last.inner().get("reason")?.as_long_string());
    let reason = reason.map(|text| String::from_utf8_lossy(text.as_bytes()).into_owned());
    let since = last.as_ref().and_then(time);
    let millis = since.and_then(|secs| i64::try_from(secs.saturating_mul(1_000)).ok());
    (reason, millis)
}

fn names(body: &[u8]) -> Vec<String> {
    let events: Vec<Value> = serde_json::from_slice(body).unwrap_or_default();
    let holds = events.iter().filter(|event| event.get("reservationId").is_some()).count();
    if holds > 0 {
        return vec![format!("{holds} holds")];
    }
    events.iter().filter_map(|event| Some(event.get("type")?.as_str()?.to_owned())).collect()
}
