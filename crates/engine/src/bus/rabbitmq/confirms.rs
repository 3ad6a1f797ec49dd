//! Publishing with confirmations: what the broker has not confirmed is not delivered.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::pin::Pin;

use anyhow::{Context as _, bail};
use futures_util::future::{BoxFuture, FutureExt as _, MaybeDone, maybe_done};
use futures_util::poll;
use lapin::message::BasicReturnMessage;
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::{BasicProperties, Channel, Confirmation, Connection};
use tokio::sync::oneshot;

use super::bindings::Bindings;
use super::link::within;
use super::topology::EXCHANGE;

const PERSISTENT: u8 = 2;
/// How many messages may be sent and not yet confirmed.
const IN_FLIGHT: usize = 1_024;

/// A channel with confirms, what is known of the queues behind it, and the sender that reports its
/// failure.
pub(super) struct Publisher {
    pub(super) channel: Channel,
    pub(super) bindings: Bindings,
    pub(super) broken: oneshot::Sender<Broken>,
}

/// Why a channel is given up.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Broken {
    #[error("a message was not confirmed")]
    Unconfirmed,
    /// A channel may go on refusing what a new one takes: RabbitMQ's does when a queue has lost its
    /// leader after a follower came back.
    #[error("messages were refused")]
    Refused,
}

/// A channel on which every message is confirmed.
pub(super) async fn confirming(connection: &Connection) -> anyhow::Result<Channel> {
    let channel = within(connection.create_channel()).await?;
    within(channel.confirm_select(ConfirmSelectOptions::default())).await?;
    Ok(channel)
}

/// Where a message goes.
#[derive(Clone, Copy)]
pub(super) enum Target<'t> {
    /// To this queue. The message comes back when there is no such queue.
    Queue(&'t str),
    /// Through the exchange of single events to whatever is bound there for this key. A `mandatory`
    /// message comes back when nothing is.
    Events { key: &'t str, mandatory: bool },
}

/// A message on its way to the broker, and back as its confirmation.
type Sending<'a> = Pin<Box<MaybeDone<BoxFuture<'a, lapin::Result<Confirmation>>>>>;

/// Messages that were sent, and their outcome so far.
pub(super) struct Confirms<'a> {
    pub(super) channel: &'a Channel,
    /// Each with the queue or exchange that it goes to.
    waiting: VecDeque<(String, Sending<'a>)>,
    pub(super) sent: Sent,
}

/// The outcome of messages: those that are not counted as returned or refused are in their queues.
#[derive(Default)]
pub(super) struct Sent {
    /// How many found no queue of their name.
    pub(super) returned: u64,
    /// The routing keys of messages that came back from the exchange: no queue is bound for them.
    pub(super) unrouted: BTreeSet<String>,
    /// How many those were.
    pub(super) came_back: u64,
    /// How many were refused, by queue or exchange.
    pub(super) refused: BTreeMap<String, u64>,
    /// How many were sent, by the name of their meter.
    pub(super) counts: BTreeMap<&'static str, u64>,
}

impl Sent {
    /// Whether every message that was sent to a queue is in it.
    pub(super) fn is_whole(&self) -> bool {
        self.returned == 0 && self.refused.is_empty()
    }

    /// Counts a message that came back. The client attaches it to the confirmation of any message of
    /// its channel; it names its own exchange and key.
    fn returned(&mut self, message: &BasicReturnMessage) {
        if message.delivery.exchange.as_str().is_empty() {
            self.returned += 1;
        } else {
            self.unrouted.insert(message.delivery.routing_key.to_string());
            self.came_back += 1;
        }
    }
}

impl<'a> Confirms<'a> {
    pub(super) fn on(channel: &'a Channel) -> Self {
        Self { channel, waiting: VecDeque::new(), sent: Sent::default() }
    }

    /// Sends a message, counted under the name of `meter`.
    ///
    /// The message is in line when this returns, and nobody waits until it is written: the client
    /// writes many at once.
    pub(super) async fn publish(
        &mut self,
        target: Target<'_>,
        meter: &'static str,
        body: Cow<'a, [u8]>,
        properties: BasicProperties,
    ) -> anyhow::Result<()> {
        if self.waiting.len() == IN_FLIGHT {
            self.confirm_oldest().await?;
        }
        let (exchange, key, mandatory) = match target {
            Target::Queue(name) => ("", name, true),
            Target::Events { key, mandatory } => (EXCHANGE, key, mandatory),
        };
        let target = if exchange.is_empty() { key } else { exchange }.to_owned();
        let options = BasicPublishOptions { mandatory, ..BasicPublishOptions::default() };
        let (channel, exchange, key) = (self.channel, exchange.into(), key.into());
        let sending = async move {
            channel.basic_publish(exchange, key, options, &body, properties).await?.await
        };
        let mut sending = Box::pin(maybe_done(sending.boxed()));
        let _ = poll!(sending.as_mut());
        self.waiting.push_back((target, sending));
        *self.sent.counts.entry(meter).or_default() += 1;
        Ok(())
    }

    /// Waits for the confirmation of the oldest; false when there is none to wait for.
    async fn confirm_oldest(&mut self) -> anyhow::Result<bool> {
        let Some((target, mut sending)) = self.waiting.pop_front() else { return Ok(false) };
        let confirmed = async {
            sending.as_mut().await;
            sending.as_mut().take_output().expect("it is done, and taken once")
        };
        let (back, is_refused) = match within(confirmed).await.context("not confirmed")? {
            Confirmation::Ack(back) => (back, false),
            Confirmation::Nack(back) => (back, true),
            Confirmation::NotRequested => bail!("the channel does not confirm"),
        };
        if let Some(message) = back {
            self.sent.returned(&message);
        }
        if is_refused {
            *self.sent.refused.entry(target).or_default() += 1;
        }
        Ok(true)
    }

    /// Waits for all outstanding confirmations.
    pub(super) async fn settle(&mut self) -> anyhow::Result<()> {
        while self.confirm_oldest().await? {}
        Ok(())
    }

    /// Waits for all outstanding confirmations; gives the outcome.
    pub(super) async fn finish(mut self) -> anyhow::Result<Sent> {
        self.settle().await?;
        Ok(self.sent)
    }
}

/// The properties of a message that outlives its broker.
pub(super) fn properties(id: &str, content_type: &str) -> BasicProperties {
    BasicProperties::default()
        .with_content_type(content_type.into())
        .with_delivery_mode(PERSISTENT)
        .with_message_id(id.into())
}
