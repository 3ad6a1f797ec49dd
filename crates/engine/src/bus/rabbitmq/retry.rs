//! A failed message waits in another queue and comes again, and at last becomes a dead letter.
//!
//! The number of its failures is in a header of ours, written with the copy that waits. RabbitMQ's
//! own counts do not serve: a queue's delivery count begins anew with each copy, and since 4.0 it
//! ignores the `x-death` of a message that a client sends.

use std::collections::BTreeMap;

use anyhow::bail;
use lapin::message::Delivery;
use lapin::types::{AMQPValue, FieldTable, ShortString};
use lapin::{BasicProperties, Channel};
use tracing::{info, warn};

use super::confirms::{Confirms, Target};
use super::state::State;
use super::topology::Queue;

/// How often it failed.
const FAILURES: &str = "x-failures";
/// Why, the last time.
const ERROR: &str = "x-error";
/// When, in milliseconds since 1970.
const FAILED_AT: &str = "x-failed-at";
/// How many characters of an error are kept.
const LONGEST_ERROR: usize = 200;

/// The failures of a message.
pub(super) struct Failures {
    pub(super) count: usize,
    pub(super) error: Option<String>,
    pub(super) at_millis: Option<i64>,
}

/// Copies a message to the queue of its next try, or to the dead letters. The copy is confirmed
/// when this returns, so that the message can be acknowledged.
pub(super) async fn retry_or_dead_letter(
    bus: &State,
    channel: &Channel,
    queue: Queue,
    delivery: &Delivery,
    why: &str,
) -> anyhow::Result<()> {
    let before = failures(&delivery.properties).count;
    let id = delivery.properties.message_id().as_ref().map_or("?", ShortString::as_str);
    let properties = failed(&delivery.properties, before + 1, why, bus.env.clock.now().as_millis());
    let (name, again) = (queue.name(), queue.retry(before));
    if let Some(aside) = again {
        info!(target: "rabbitmq", queue = name, id, why, "a message failed and is tried again");
        bus.meters.retried(name);
        return send(channel, &aside, &delivery.data, properties).await;
    }
    let sent = send(channel, &queue.dead_letters(), &delivery.data, properties.clone()).await;
    if let Err(error) = sent {
        // The dead letters are full or missing: it stays among the retries.
        warn!(target: "rabbitmq", queue = name, id, %error, "cannot give up a message; trying it again");
        bus.meters.retried(name);
        return send(channel, &queue.last_retry(), &delivery.data, properties).await;
    }
    warn!(target: "rabbitmq", queue = name, id, why, "a message was given up: see `poltrona dlq`");
    bus.meters.dead(name);
    Ok(())
}

/// Sends one message to a queue; it is confirmed when this returns.
pub(super) async fn send(
    channel: &Channel,
    queue: &str,
    body: &[u8],
    properties: BasicProperties,
) -> anyhow::Result<()> {
    let mut confirms = Confirms::on(channel);
    confirms.publish(Target::Queue(queue), "", body.into(), properties).await?;
    if !confirms.finish().await?.is_whole() {
        bail!("{queue} is not there, or refuses messages");
    }
    Ok(())
}

/// The failures that a message's headers count.
pub(super) fn failures(properties: &BasicProperties) -> Failures {
    let headers = properties.headers().as_ref().map(FieldTable::inner);
    let get = |name| headers.and_then(|headers| headers.get(name));
    let number = |name| get(name).and_then(AMQPValue::as_long_long_int);
    let error = get(ERROR).and_then(AMQPValue::as_long_string);
    Failures {
        count: number(FAILURES).and_then(|count| usize::try_from(count).ok()).unwrap_or(0),
        error: error.map(|text| String::from_utf8_lossy(text.as_bytes()).into_owned()),
        at_millis: number(FAILED_AT),
    }
}

/// The properties of a message that failed once more.
fn failed(
    properties: &BasicProperties,
    failures: usize,
    why: &str,
    at_millis: i64,
) -> BasicProperties {
    let mut headers = headers(properties);
    let why: String = why.chars().take(LONGEST_ERROR).collect();
    let failures = i64::try_from(failures).unwrap_or(i64::MAX);
    headers.insert(FAILURES.into(), AMQPValue::LongLongInt(failures));
    headers.insert(ERROR.into(), AMQPValue::LongString(why.into()));
    headers.insert(FAILED_AT.into(), AMQPValue::LongLongInt(at_millis));
    properties.clone().with_headers(headers.into())
}

/// The properties of a message that never failed.
pub(super) fn forgiven(properties: &BasicProperties) -> BasicProperties {
    let mut headers = headers(properties);
    let ours = [FAILURES, ERROR, FAILED_AT];
    headers.retain(|name, _| !ours.contains(&name.as_str()) && !name.as_str().contains("death"));
    properties.clone().with_headers(headers.into())
}

fn headers(properties: &BasicProperties) -> BTreeMap<ShortString, AMQPValue> {
    properties.headers().as_ref().map(|headers| headers.inner().clone()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_counted_in_the_message_and_can_be_forgiven() {
        let fresh = BasicProperties::default().with_message_id("one".into());
        assert_eq!(failures(&fresh).count, 0);
        let twice = failed(&failed(&fresh, 1, "no", 5), 2, &"é".repeat(300), 7);
        let read = failures(&twice);
        assert_eq!((read.count, read.at_millis), (2, Some(7)));
        assert_eq!(read.error.unwrap().chars().count(), LONGEST_ERROR);
        let again = forgiven(&twice);
        assert_eq!(failures(&again).count, 0);
        assert_eq!(again.message_id(), fresh.message_id());
    }

    #[test]
    fn a_message_is_tried_three_times_more() {
        let aside: Vec<_> = (0..5).map(|count| Queue::Payments.retry(count)).collect();
        let named = |name: &str| Some(format!("payments.retry.{name}"));
        assert_eq!(aside, [named("1s"), named("5s"), named("25s"), None, None]);
        assert_eq!(Queue::Payments.last_retry(), "payments.retry.25s");
    }
}
