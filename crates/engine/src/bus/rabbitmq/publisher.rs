//! Publishing what was committed.
//!
//! Messages to our own queues are sent by name, for an exchange confirms only that *some* queue has
//! the message, or none at all. They are `mandatory`: one that finds no queue comes back, and
//! counts as not delivered, although it is confirmed too.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use anyhow::bail;
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel, Connection};
use tokio::sync::oneshot;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::debug;

use super::confirms::{Broken, Confirms, Publisher, Sent, confirming};
use super::holds;
use super::inspection;
use super::link::{declared, lost, within};
use super::state::State;
use super::topology::{self, EXCHANGE, LONGEST, Queue};
use crate::env::clock::pause;
use crate::event::EventBatch;
use crate::projection;

/// How often queues are declared again, and dead letters counted.
const RECONCILE_EVERY: Duration = Duration::from_secs(15);
/// How late a lapse may be before it is looked for in the database.
const GRACE: Duration = Duration::from_secs(10);
/// How many of those are read at a time.
const LAPSES: usize = 1_000;
const PERSISTENT: u8 = 2;
const BATCH: &str = "application/cloudevents-batch+json";
const SINGLE: &str = "application/cloudevents+json";

/// Keeps a publisher ready until stopped, or until its connection fails.
pub(super) async fn serve(
    bus: &State,
    connection: &Connection,
    stop: &CancellationToken,
) -> anyhow::Result<()> {
    let channel = confirming(connection).await?;
    let (broken, is_broken) = oneshot::channel();
    reconcile_once(bus, &channel).await?;
    *bus.publisher.lock().await = Some(Publisher { channel, broken });
    bus.publishing.up();
    let ended = tokio::select! {
        () = stop.cancelled() => Ok(()),
        Ok(why) = is_broken => Err(why.into()),
        Err(error) = lost(connection, &bus.publishing) => Err(error),
        Err(error) = reconcile(bus, connection) => Err(error),
    };
    // The lock waits for messages that are being sent.
    bus.publisher.lock().await.take();
    ended
}

/// Declares deleted queues again, and counts dead letters, while the connection lasts.
async fn reconcile(bus: &State, connection: &Connection) -> anyhow::Result<Infallible> {
    let channel = within(connection.create_channel()).await?;
    loop {
        pause(RECONCILE_EVERY).await;
        // A blocked broker reads nothing.
        if !bus.publishing.is_blocked() {
            reconcile_once(bus, &channel).await?;
            // Nothing was refused on this connection, or it would have ended.
            bus.publishing.takes_messages();
        }
        // Announces lapsed holds whose messages were lost.
        match bus.store.overdue(GRACE, LAPSES).await {
            Ok(overdue) => bus.expiry.watch(overdue),
            Err(error) => debug!(target: "rabbitmq", %error, "cannot look for lapses"),
        }
    }
}

async fn reconcile_once(bus: &State, channel: &Channel) -> anyhow::Result<()> {
    for (queue, letters) in declared(topology::declare(channel)).await? {
        bus.meters.dead_letters(queue.name(), letters);
    }
    for length in bus.delay_queues.in_use(Instant::now()) {
        declared(topology::declare_holds(channel, length)).await?;
    }
    Ok(())
}

impl State {
    /// Publishes messages to every queue that wants them; returns when the broker has confirmed all.
    pub(super) async fn deliver(&self, messages: &[Arc<EventBatch>]) -> anyhow::Result<()> {
        // One sender at a time: the client reports a returned message with *some* confirmation of
        // its channel, which must not be another sender's.
        let mut slot = self.publisher.lock().await;
        let Some(publisher) = &*slot else { bail!(self.publishing.why_not()) };
        let sending = self.publish_all(&publisher.channel, messages);
        let sent = tokio::select! {
            biased;
            // The connection is sound: the broker will read what was sent when it reads again.
            () = self.publishing.until_blocked() => bail!("RabbitMQ takes no messages"),
            sent = sending => sent,
        };
        let sent = match sent {
            Ok(sent) => sent,
            Err(error) => {
                give_up(&mut slot, Broken::Unconfirmed);
                return Err(error);
            }
        };
        if sent.returned > 0 {
            self.meters.returned(sent.returned);
            self.delay_queues.forget();
        }
        if !sent.refused.is_empty() {
            let why = refusal(&publisher.channel, &sent.refused).await;
            self.meters.refused(sent.refused.values().sum());
            self.publishing.refuses(&why);
            give_up(&mut slot, Broken::Refused);
            bail!(why);
        }
        if sent.returned > 0 {
            declared(topology::declare(&publisher.channel)).await?;
            bail!("{} messages found no queue; the queues were declared again", sent.returned);
        }
        self.publishing.takes_messages();
        sent.counts.into_iter().for_each(|(queue, count)| self.meters.published(queue, count));
        Ok(())
    }

    async fn publish_all(
        &self,
        channel: &Channel,
        messages: &[Arc<EventBatch>],
    ) -> anyhow::Result<Sent> {
        let mut confirms = Confirms::on(channel);
        for message in messages {
            let body = message.json().as_bytes();
            for queue in [Queue::Reservations, Queue::Payments] {
                let wants = |followed| projection::concerns(followed, &message.events);
                if queue.projection().is_some_and(wants) {
                    let properties = properties(&message.id.to_string(), BATCH);
                    confirms.publish("", queue.name(), queue.name(), body, properties).await?;
                }
            }
            self.publish_holds(&mut confirms, message).await?;
            if self.settings.exchange {
                publish_singly(&mut confirms, message).await?;
            }
        }
        confirms.finish().await
    }

    async fn publish_holds(
        &self,
        confirms: &mut Confirms<'_>,
        message: &EventBatch,
    ) -> anyhow::Result<()> {
        let late = message.created_at.until(self.env.clock.now()) > holds::LATE;
        for (length, list) in holds::by_length(message) {
            let queued = match self.delay_queues.admit(length, Instant::now()) {
                holds::Admission::Known => true,
                holds::Admission::New => {
                    declared(topology::declare_holds(confirms.channel, length)).await?;
                    true
                }
                holds::Admission::TooMany => false,
            };
            // The delay counts from now: a hold that began well before has to be watched here.
            if late || !queued {
                self.expiry.watch(holds::ends(&list));
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

/// Gives up the channel. A new one is made at once, or later if this one did not last long.
fn give_up(slot: &mut Option<Publisher>, why: Broken) {
    if let Some(publisher) = slot.take() {
        // Nobody receives it when the connection has just ended.
        let _ = publisher.broken.send(why);
    }
}

/// The number of messages that each queue refused, and how many wait there: a full queue refuses,
/// and one that lost its leader, even if it is empty.
async fn refusal(channel: &Channel, refused: &BTreeMap<String, u64>) -> String {
    let mut refusals = Vec::new();
    for (target, count) in refused {
        let waiting = match waiting(channel, target).await {
            Some(waiting) => format!(" ({waiting} wait there, of at most {LONGEST})"),
            None => String::new(),
        };
        refusals.push(format!("{count} messages to {target}{waiting}"));
    }
    format!("RabbitMQ refused {}", refusals.join(" and "))
}

/// The number of messages that wait in a queue, if it can be read.
async fn waiting(channel: &Channel, target: &str) -> Option<u32> {
    // No queue has the exchange's name, and to ask for a missing queue closes the channel.
    if target == EXCHANGE {
        return None;
    }
    within(inspection::count(channel, target)).await.ok().flatten()
}

/// Sends each event to the exchange, which needs no queue bound to it.
async fn publish_singly(confirms: &mut Confirms<'_>, message: &EventBatch) -> anyhow::Result<()> {
    for (event, json) in message.each() {
        let mut properties = properties(&event.id.to_string(), SINGLE);
        if let Some(trace) = &event.traceparent {
            let mut headers = FieldTable::default();
            headers.insert("traceparent".into(), AMQPValue::LongString(trace.as_str().into()));
            properties = properties.with_headers(headers);
        }
        let key = event.kind.name();
        confirms.publish(EXCHANGE, key, EXCHANGE, json.as_bytes(), properties).await?;
    }
    Ok(())
}

fn properties(id: &str, content_type: &str) -> BasicProperties {
    BasicProperties::default()
        .with_content_type(content_type.into())
        .with_delivery_mode(PERSISTENT)
        .with_message_id(id.into())
}
