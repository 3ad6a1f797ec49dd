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
use lapin::{Channel, Connection};
use tokio::sync::oneshot;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::debug;

use super::announcer;
use super::bindings::Bindings;
use super::confirms::{Broken, Confirms, Publisher, Sent, Target, confirming, properties};
use super::holds::{self, Hold};
use super::inspection;
use super::link::{declared, lost, within};
use super::singles;
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
const BATCH: &str = "application/cloudevents-batch+json";

/// Keeps a publisher ready until stopped, or until its connection fails.
pub(super) async fn serve(
    bus: &State,
    connection: &Connection,
    stop: &CancellationToken,
) -> anyhow::Result<()> {
    let channel = confirming(connection).await?;
    let (broken, is_broken) = oneshot::channel();
    reconcile_once(bus, &channel).await?;
    let publisher = Publisher { channel, bindings: Bindings::default(), broken };
    *bus.publisher.lock().await = Some(publisher);
    bus.publishing.up();
    let ended = tokio::select! {
        () = stop.cancelled() => Ok(()),
        Ok(why) = is_broken => Err(why.into()),
        Err(error) = lost(connection, &bus.publishing) => Err(error),
        Err(error) = reconcile(bus, connection) => Err(error),
        never = announcer::announce(bus, connection) => match never {},
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
        let Some(publisher) = &mut *slot else { bail!(self.publishing.why_not()) };
        let sending = self.publish_all(publisher, messages);
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
        for (queue, count) in sent.counts {
            let came_back = if queue == EXCHANGE { sent.came_back } else { 0 };
            // One of an earlier delivery, which was broken off, may be among them.
            self.meters.published(queue, count.saturating_sub(came_back));
        }
        Ok(())
    }

    async fn publish_all(
        &self,
        publisher: &mut Publisher,
        messages: &[Arc<EventBatch>],
    ) -> anyhow::Result<Sent> {
        let Publisher { channel, bindings, .. } = publisher;
        let mut confirms = Confirms::on(channel);
        for message in messages {
            let (id, body) = (message.id.to_string(), message.json().as_bytes());
            for queue in [Queue::Reservations, Queue::Payments] {
                let wants = |followed| projection::concerns(followed, &message.events);
                if queue.projection().is_some_and(wants) {
                    let (name, properties) = (queue.name(), properties(&id, BATCH));
                    confirms.publish(Target::Queue(name), name, body.into(), properties).await?;
                }
            }
        }
        self.publish_holds(&mut confirms, messages).await?;
        let which = self.settings.single_events;
        let left_out = singles::publish(&mut confirms, bindings, which, messages).await?;
        let sent = confirms.finish().await?;
        self.meters.unheard(left_out, sent.came_back);
        Ok(sent)
    }

    /// Sends the holds that messages begin to the queues of their lengths, those of a length together.
    async fn publish_holds(
        &self,
        confirms: &mut Confirms<'_>,
        messages: &[Arc<EventBatch>],
    ) -> anyhow::Result<()> {
        let Some(first) = messages.first() else { return Ok(()) };
        let now = self.env.clock.now();
        for (length, list) in holds::by_length(messages) {
            let queued = match self.delay_queues.admit(length, Instant::now()) {
                holds::Admission::Known => true,
                holds::Admission::New => {
                    declared(topology::declare_holds(confirms.channel, length)).await?;
                    true
                }
                holds::Admission::TooMany => false,
            };
            // The delay counts from now: a hold that began well before has to be watched here.
            let watched = list.iter().filter(|hold| !queued || hold.is_late(now));
            self.expiry.watch(watched.map(Hold::end).collect());
            for some in list.chunks(holds::HOLDS).filter(|_| queued) {
                let (queue, body) = (topology::holds(length), serde_json::to_vec(some)?);
                let properties = properties(&first.id.to_string(), "application/json");
                let target = Target::Queue(&queue);
                confirms.publish(target, holds::METER, body.into(), properties).await?;
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
