//! Publishing: what the broker has not confirmed is not delivered.
//!
//! To our own queues messages go by name, for what an exchange confirms is only that *some* queue has
//! the message, or none at all. They are `mandatory`: one that finds no queue comes back, and counts as
//! not delivered, although it is confirmed too.

use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::time::Duration;

use anyhow::{Context as _, bail};
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel, Confirmation, Connection, PublisherConfirm};
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tracing::debug;

use super::link::{lost, within};
use super::topology::{self, EXCHANGE, Queue};
use super::{Bus, holds};
use crate::bus::Message;
use crate::read_models;

/// How many messages may be on their way, unconfirmed.
const IN_FLIGHT: usize = 1_024;
/// How often what should be there is declared again, and dead letters are counted.
const TEND_EVERY: Duration = Duration::from_secs(15);
/// How late a lapse may be before it is looked for in the database.
const GRACE: Duration = Duration::from_secs(10);
/// How many of those are taken up at a time.
const LAPSES: usize = 1_000;
const PERSISTENT: u8 = 2;
const BATCH: &str = "application/cloudevents-batch+json";
const SINGLE: &str = "application/cloudevents+json";

/// A channel that confirms, and how to say that it no longer does.
pub(super) struct Publisher {
    channel: Channel,
    broken: CancellationToken,
}

/// Keeps a publisher at hand until stopped, or until its connection fails.
pub(super) async fn serve(
    bus: &Bus,
    connection: &Connection,
    stop: &CancellationToken,
) -> anyhow::Result<()> {
    let channel = confirming(connection).await?;
    let broken = CancellationToken::new();
    tend_once(bus, &channel).await.context("cannot declare the queues")?;
    *bus.publisher.lock().await = Some(Publisher { channel, broken: broken.clone() });
    bus.publishing.up();
    let ended = tokio::select! {
        () = stop.cancelled() => Ok(()),
        () = broken.cancelled() => Err(anyhow::anyhow!("a message was not confirmed")),
        Err(error) = lost(connection, &bus.publishing) => Err(error),
        Err(error) = tend(bus, connection) => Err(error),
    };
    // What is on its way is waited for.
    bus.publisher.lock().await.take();
    ended
}

/// A channel on which every message is confirmed.
pub(super) async fn confirming(connection: &Connection) -> anyhow::Result<Channel> {
    let channel = within(connection.create_channel()).await?;
    within(channel.confirm_select(ConfirmSelectOptions::default())).await?;
    Ok(channel)
}

/// Brings back what somebody deleted, and counts, for as long as the connection lasts.
async fn tend(bus: &Bus, connection: &Connection) -> anyhow::Result<Infallible> {
    let channel = within(connection.create_channel()).await?;
    loop {
        sleep(TEND_EVERY).await;
        // It would not be heard.
        if !bus.publishing.is_blocked() {
            tend_once(bus, &channel).await?;
        }
        // Whatever became of their messages: holds that nobody announced are announced.
        match bus.readers.overdue(GRACE, LAPSES).await {
            Ok(overdue) => bus.expiry.look_after(overdue),
            Err(error) => debug!(target: "rabbitmq", %error, "cannot look for lapses"),
        }
    }
}

async fn tend_once(bus: &Bus, channel: &Channel) -> anyhow::Result<()> {
    for (queue, letters) in within(topology::declare(channel)).await? {
        bus.meters.dead_letters(queue.name(), letters);
    }
    for length in bus.lengths.in_use(Instant::now()) {
        within(topology::declare_holds(channel, length)).await?;
    }
    Ok(())
}

impl Bus {
    /// Publishes messages to every queue that wants them; returns when the broker has confirmed all.
    pub(in crate::bus) async fn deliver(&self, messages: &[Message]) -> anyhow::Result<()> {
        // One at a time: the client tells of a message that came back with *some* confirmation of the
        // same channel, so that no other sender's may be under way.
        let mut slot = self.publisher.lock().await;
        let Some(publisher) = &*slot else { bail!("RabbitMQ is away") };
        let sending = self.publish_all(&publisher.channel, messages);
        let sent = tokio::select! {
            biased;
            // Nothing is wrong with the connection: what it holds is read when the broker reads again.
            () = self.publishing.until_blocked() => bail!("RabbitMQ takes no messages"),
            sent = sending => sent,
        };
        let sent = match sent {
            Ok(sent) => sent,
            Err(error) => {
                publisher.broken.cancel();
                *slot = None;
                return Err(error);
            }
        };
        if sent.returned > 0 {
            self.meters.returned(sent.returned);
            self.lengths.forget();
            within(topology::declare(&publisher.channel)).await?;
            bail!("{} messages found no queue; the queues were declared again", sent.returned);
        }
        if sent.refused > 0 {
            bail!("RabbitMQ refused {} messages: a queue is full", sent.refused);
        }
        sent.counts.into_iter().for_each(|(queue, count)| self.meters.published(queue, count));
        Ok(())
    }

    async fn publish_all(&self, channel: &Channel, messages: &[Message]) -> anyhow::Result<Sent> {
        let mut confirms = Confirms::on(channel);
        for message in messages {
            let body = message.json.as_bytes();
            for queue in [Queue::Reservations, Queue::Payments] {
                let wants = |consumer| read_models::concerns(consumer, &message.events);
                if queue.consumer().is_some_and(wants) {
                    let properties = properties(&message.id.to_string(), BATCH);
                    confirms.publish("", queue.name(), queue.name(), body, properties).await?;
                }
            }
            self.publish_holds(&mut confirms, message).await?;
            if self.exchange {
                publish_singly(&mut confirms, message).await?;
            }
        }
        confirms.finish().await
    }

    async fn publish_holds(
        &self,
        confirms: &mut Confirms<'_>,
        message: &Message,
    ) -> anyhow::Result<()> {
        let late = message.created_at.until(self.clock.now()) > holds::LATE;
        for (length, list) in holds::by_length(message) {
            let queued = match self.lengths.admit(length, Instant::now()) {
                holds::Admission::Known => true,
                holds::Admission::New => {
                    within(topology::declare_holds(confirms.channel, length)).await?;
                    true
                }
                holds::Admission::TooMany => false,
            };
            // The delay counts from now: a hold that began well before has to be watched here.
            if late || !queued {
                self.expiry.look_after(holds::ends(&list));
            }
            if queued {
                let body = serde_json::to_vec(&list)?;
                let properties = properties(&message.id.to_string(), "application/json");
                let queue = topology::holds(length);
                confirms.publish("", &queue, holds::METER, &body, properties).await?;
            }
        }
        Ok(())
    }
}

/// What is needed of an event to send it alone.
#[derive(Deserialize)]
struct Head<'a> {
    id: &'a str,
    traceparent: Option<&'a str>,
}

/// Sends each event to the exchange, for whoever listens; nobody has to.
async fn publish_singly(confirms: &mut Confirms<'_>, message: &Message) -> anyhow::Result<()> {
    let events: Vec<&RawValue> = serde_json::from_str(&message.json)?;
    for (event, received) in events.into_iter().zip(&message.events) {
        let head: Head<'_> = serde_json::from_str(event.get())?;
        let mut properties = properties(head.id, SINGLE);
        if let Some(trace) = head.traceparent {
            let mut headers = FieldTable::default();
            headers.insert("traceparent".into(), AMQPValue::LongString(trace.into()));
            properties = properties.with_headers(headers);
        }
        let key = received.r#type.as_str();
        confirms.publish(EXCHANGE, key, EXCHANGE, event.get().as_bytes(), properties).await?;
    }
    Ok(())
}

fn properties(id: &str, content_type: &str) -> BasicProperties {
    BasicProperties::default()
        .with_content_type(content_type.into())
        .with_delivery_mode(PERSISTENT)
        .with_message_id(id.into())
}

/// Messages on their way.
pub(super) struct Confirms<'a> {
    channel: &'a Channel,
    waiting: VecDeque<PublisherConfirm>,
    sent: Sent,
}

/// What became of messages: those that are not counted as returned or refused are in their queues.
#[derive(Default)]
pub(super) struct Sent {
    /// How many found no queue.
    pub(super) returned: u64,
    /// How many the queue did not take, for it is full.
    pub(super) refused: u64,
    counts: BTreeMap<&'static str, u64>,
}

impl Sent {
    /// Whether every message is in its queue.
    pub(super) const fn is_whole(&self) -> bool {
        self.returned == 0 && self.refused == 0
    }
}

impl<'a> Confirms<'a> {
    pub(super) fn on(channel: &'a Channel) -> Self {
        Self { channel, waiting: VecDeque::new(), sent: Sent::default() }
    }

    /// Sends a message, counted under the name of `meter`. To a queue, which is what the default
    /// exchange leads to, it has to come.
    pub(super) async fn publish(
        &mut self,
        exchange: &str,
        key: &str,
        meter: &'static str,
        body: &[u8],
        properties: BasicProperties,
    ) -> anyhow::Result<()> {
        if self.waiting.len() == IN_FLIGHT {
            self.hear().await?;
        }
        let mandatory = exchange.is_empty();
        let options = BasicPublishOptions { mandatory, ..BasicPublishOptions::default() };
        let sending =
            self.channel.basic_publish(exchange.into(), key.into(), options, body, properties);
        self.waiting.push_back(within(sending).await?);
        *self.sent.counts.entry(meter).or_default() += 1;
        Ok(())
    }

    /// Waits for the confirmation of the oldest; false when there is none to wait for.
    async fn hear(&mut self) -> anyhow::Result<bool> {
        let Some(confirm) = self.waiting.pop_front() else { return Ok(false) };
        match within(confirm).await.context("not confirmed")? {
            Confirmation::Ack(None) => {}
            Confirmation::Ack(Some(_)) => self.sent.returned += 1,
            Confirmation::Nack(_) => self.sent.refused += 1,
            Confirmation::NotRequested => bail!("the channel does not confirm"),
        }
        Ok(true)
    }

    /// Waits for all that are still on their way.
    pub(super) async fn finish(mut self) -> anyhow::Result<Sent> {
        while self.hear().await? {}
        Ok(self.sent)
    }
}
