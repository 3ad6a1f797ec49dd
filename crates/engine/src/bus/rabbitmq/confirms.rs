//! Publishing with confirmations: what the broker has not confirmed is not delivered.

use std::collections::{BTreeMap, VecDeque};

use anyhow::{Context as _, bail};
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::{BasicProperties, Channel, Confirmation, Connection, PublisherConfirm};
use tokio::sync::oneshot;

use super::link::within;

/// How many messages may be sent and not yet confirmed.
const IN_FLIGHT: usize = 1_024;

/// A channel with confirms, and the sender that reports its failure.
pub(super) struct Publisher {
    pub(super) channel: Channel,
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

/// Messages that were sent, and their outcome so far.
pub(super) struct Confirms<'a> {
    pub(super) channel: &'a Channel,
    /// Each with the queue or exchange that it goes to.
    waiting: VecDeque<(String, PublisherConfirm)>,
    sent: Sent,
}

/// The outcome of messages: those that are not counted as returned or refused are in their queues.
#[derive(Default)]
pub(super) struct Sent {
    /// How many found no queue.
    pub(super) returned: u64,
    /// How many were refused, by queue or exchange.
    pub(super) refused: BTreeMap<String, u64>,
    pub(super) counts: BTreeMap<&'static str, u64>,
}

impl Sent {
    /// Whether every message is in its queue.
    pub(super) fn is_whole(&self) -> bool {
        self.returned == 0 && self.refused.is_empty()
    }
}

impl<'a> Confirms<'a> {
    pub(super) fn on(channel: &'a Channel) -> Self {
        Self { channel, waiting: VecDeque::new(), sent: Sent::default() }
    }

    /// Sends a message, counted under the name of `meter`. Through the default exchange, which
    /// leads to queues, it is mandatory.
    pub(super) async fn publish(
        &mut self,
        exchange: &str,
        key: &str,
        meter: &'static str,
        body: &[u8],
        properties: BasicProperties,
    ) -> anyhow::Result<()> {
        if self.waiting.len() == IN_FLIGHT {
            self.confirm_oldest().await?;
        }
        let mandatory = exchange.is_empty();
        let options = BasicPublishOptions { mandatory, ..BasicPublishOptions::default() };
        let sending =
            self.channel.basic_publish(exchange.into(), key.into(), options, body, properties);
        let target = if mandatory { key } else { exchange };
        self.waiting.push_back((target.to_owned(), within(sending).await?));
        *self.sent.counts.entry(meter).or_default() += 1;
        Ok(())
    }

    /// Waits for the confirmation of the oldest; false when there is none to wait for.
    async fn confirm_oldest(&mut self) -> anyhow::Result<bool> {
        let Some((target, confirm)) = self.waiting.pop_front() else { return Ok(false) };
        match within(confirm).await.context("not confirmed")? {
            Confirmation::Ack(None) => {}
            Confirmation::Ack(Some(_)) => self.sent.returned += 1,
            Confirmation::Nack(_) => *self.sent.refused.entry(target).or_default() += 1,
            Confirmation::NotRequested => bail!("the channel does not confirm"),
        }
        Ok(true)
    }

    /// Waits for all outstanding confirmations.
    pub(super) async fn finish(mut self) -> anyhow::Result<Sent> {
        while self.confirm_oldest().await? {}
        Ok(self.sent)
    }
}
