//! Hearing what other instances commit, and giving it to the followers of [`crate::peers`].
//!
//! Nothing is acknowledged. A gap in a sender's numbers, a message that cannot be read and each new
//! connection become [`Received::Missed`], after which followers ask the store.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use futures_util::StreamExt as _;
use lapin::Connection;
use lapin::message::Delivery;
use tokio::time::{Instant, timeout_at};
use tracing::debug;
use uuid::Uuid;

use super::feed;
use super::link::within;
use super::numbers::Numbers;
use super::state::State;
use crate::backoff::BROKER;
use crate::env::clock::pause;
use crate::event::EventBatch;
use crate::peers::Received;

/// How often the queue is bound again: somebody may have deleted the exchange.
const BIND_EVERY: Duration = Duration::from_secs(15);

/// Listens while the connection lasts; a failed channel is made anew.
pub(super) async fn listen(bus: &State, connection: &Connection) -> Infallible {
    let mut waits = BROKER.waits(&bus.env.ids);
    loop {
        bus.consuming.while_blocked().await;
        let Err(error) = listen_once(bus, connection).await;
        debug!(target: "rabbitmq", %error, "nothing arrives from other instances");
        pause(waits.next_wait()).await;
    }
}

async fn listen_once(bus: &State, connection: &Connection) -> anyhow::Result<Infallible> {
    let channel = within(connection.create_channel()).await?;
    let queue = feed::queue(bus.env.ids.fresh());
    let mut consumer = feed::consume(&channel, &queue).await?;
    *bus.numbers() = Numbers::default();
    bus.receive(Received::Missed);
    let mut bind_at = Instant::now() + BIND_EVERY;
    loop {
        if let Ok(next) = timeout_at(bind_at, consumer.next()).await {
            let delivery = next.context("the broker has ended the subscription")?;
            let delivery = delivery.map_err(|error| anyhow!("{error}"))?;
            bus.hear_delivery(delivery);
        } else {
            within(feed::bind(&channel, &queue)).await?;
            bind_at = Instant::now() + BIND_EVERY;
        }
    }
}

impl State {
    fn receive(&self, received: Received) {
        self.meters.received(matches!(received, Received::Commit(_)));
        self.peers.publish(received);
    }

    fn hear_delivery(&self, delivery: Delivery) {
        let Some(origin) = feed::origin(&delivery.properties) else {
            return self.receive(Received::Missed);
        };
        if origin.sender == self.run.as_bytes() {
            return;
        }
        let is_next = self.numbers().is_next(origin, Instant::now());
        // Then the others may leave out what they like, and there is nobody to tell.
        if !self.peers.is_followed() {
            return;
        }
        if !is_next {
            self.receive(Received::Missed);
        }
        // An empty message has a number and nothing else.
        if !delivery.data.is_empty() {
            self.receive(
                self.read(delivery).map_or(Received::Missed, |it| Received::Commit(Arc::new(it))),
            );
        }
    }

    fn read(&self, delivery: Delivery) -> Option<EventBatch> {
        let id = Uuid::try_parse(delivery.properties.message_id().as_ref()?.as_str()).ok()?;
        let json = String::from_utf8(delivery.data).ok()?;
        let mut batch = EventBatch::read(id, self.env.clock.now(), json).ok()?;
        if let Some(at) = batch.events.first().and_then(|event| event.at) {
            batch.created_at = at;
        }
        Some(batch)
    }
}
