//! Consuming: messages that have arrived act in one transaction, and are acknowledged after it.
//!
//! A message that comes alone acts at once. A projection's consumer then waits until 20 ms have passed since the
//! batch began, unless the batch was a full prefetch; messages that arrive meanwhile make the next batch. Lapses do
//! not wait. No message is acknowledged before its effect is in the database, or its copy is in another queue: after
//! a crash in between it is delivered again, and the inbox refuses it.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use futures_util::StreamExt as _;
use futures_util::future::{FutureExt as _, try_join_all};
use lapin::message::Delivery;
use lapin::options::{BasicAckOptions, BasicConsumeOptions, BasicQosOptions};
use lapin::types::FieldTable;
use lapin::{Channel, Connection, Consumer};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::confirms::confirming;
use super::link::{declared, lost, within};
use super::listener;
use super::retry;
use super::state::State;
use super::topology::{self, Queue};
use super::work::Batch;
use crate::backoff::WORK;
use crate::env::clock::pause;
use crate::failpoint::Failpoint;

/// The shortest time between two transactions of a projection's consumer, unless a full prefetch came. Each
/// transaction waits for an fsync.
const PROJECT_EVERY: Duration = Duration::from_millis(20);
/// The most unacknowledged messages of a queue.
const PREFETCH: u16 = 200;

/// A queue and its consumer.
struct Subscription<'a> {
    queue: Queue,
    connection: &'a Connection,
    channel: Channel,
    consumer: Consumer,
}

/// Consumes from every queue until stopped, or until one of them fails.
pub(super) async fn serve(
    bus: &State,
    connection: &Connection,
    first: bool,
    stop: &CancellationToken,
) -> anyhow::Result<()> {
    let channel = within(connection.create_channel()).await?;
    declared(topology::declare(&channel)).await?;
    let subscribing = Queue::ALL.map(|queue| subscribe(connection, queue));
    let subscriptions = try_join_all(subscribing).await?;
    bus.consuming.up();
    let working = try_join_all(subscriptions.into_iter().map(|it| it.work(bus, stop)));
    let working = async { working.await.map(drop) };
    // The broker may have lost holds meanwhile. At the start they were read already.
    let catching_up = async {
        if !first {
            Arc::clone(&bus.expiry).catch_up(bus.store.clone(), stop.clone()).await;
        }
        lost(connection, &bus.consuming).await
    };
    tokio::select! {
        ended = working => ended,
        Err(error) = catching_up => Err(error),
        never = listener::listen(bus, connection) => match never {},
    }
}

async fn subscribe(connection: &Connection, queue: Queue) -> anyhow::Result<Subscription<'_>> {
    let channel = within(connection.create_channel()).await?;
    within(channel.basic_qos(PREFETCH, BasicQosOptions::default())).await?;
    let (tag, options) = ("".into(), BasicConsumeOptions::default());
    let consuming = channel.basic_consume(queue.name().into(), tag, options, FieldTable::default());
    let consumer = within(consuming).await?;
    Ok(Subscription { queue, connection, channel, consumer })
}

impl Subscription<'_> {
    async fn work(mut self, bus: &State, stop: &CancellationToken) -> anyhow::Result<()> {
        while let Some(next) = stop.run_until_cancelled(self.consumer.next()).await {
            let next_at = Instant::now() + PROJECT_EVERY;
            let mut deliveries = vec![opened(next)?];
            while deliveries.len() < usize::from(PREFETCH)
                && let Some(next) = self.consumer.next().now_or_never()
            {
                deliveries.push(opened(next)?);
            }
            let may_wait =
                self.queue.projection().is_some() && deliveries.len() < usize::from(PREFETCH);
            if !self.settle(bus, deliveries, stop).await? {
                break;
            }
            if may_wait {
                stop.run_until_cancelled(pause(next_at - Instant::now())).await;
            }
        }
        Ok(())
    }

    /// Processes messages and acknowledges them; false when stopped before that.
    async fn settle(
        &self,
        bus: &State,
        deliveries: Vec<Delivery>,
        stop: &CancellationToken,
    ) -> anyhow::Result<bool> {
        let Some(last) = deliveries.last().map(|last| last.delivery_tag) else { return Ok(true) };
        let mut batch = Batch::new(self.queue);
        let (mut sound, mut failed) = (Vec::new(), Vec::new());
        for delivery in deliveries {
            match batch.add(&delivery, bus.env.clock.now()) {
                Ok(()) => sound.push(delivery),
                Err(why) => failed.push((delivery, why)),
            }
        }
        let Some(verdicts) = self.act(bus, &batch, stop).await else { return Ok(false) };
        let mut done = 0;
        for (delivery, verdict) in sound.into_iter().zip(verdicts) {
            match verdict {
                Ok(()) => done += 1,
                Err(why) => failed.push((delivery, why)),
            }
        }
        if !failed.is_empty() {
            self.set_aside(bus, &failed).await?;
        }
        Failpoint::Consumed.reached();
        let all = BasicAckOptions { multiple: true };
        within(self.channel.basic_ack(last, all)).await?;
        bus.meters.done(self.queue.name(), done);
        Ok(true)
    }

    /// Copies failed messages to their next queues, on a fresh channel: one that refused a message
    /// may go on refusing.
    async fn set_aside(&self, bus: &State, failed: &[(Delivery, String)]) -> anyhow::Result<()> {
        let channel = confirming(self.connection).await?;
        for (delivery, why) in failed {
            retry::retry_or_dead_letter(bus, &channel, self.queue, delivery, why).await?;
        }
        Ok(())
    }

    /// Processes a batch. While the store is away it waits and keeps the messages, which are not at
    /// fault. `None` when stopped meanwhile.
    async fn act(
        &self,
        bus: &State,
        batch: &Batch,
        stop: &CancellationToken,
    ) -> Option<Vec<Result<(), String>>> {
        let mut is_logged = false;
        loop {
            match batch.act(bus).await {
                Ok(verdicts) => return Some(verdicts),
                Err(error) if !is_logged => {
                    is_logged = true;
                    let queue = self.queue.name();
                    warn!(target: "rabbitmq", queue, %error, "messages wait for the database");
                }
                Err(_) => {}
            }
            stop.run_until_cancelled(pause(WORK.wait(&bus.env.ids))).await?;
        }
    }
}

fn opened(next: Option<lapin::Result<Delivery>>) -> anyhow::Result<Delivery> {
    let next = next.context("the broker has ended the subscription")?;
    next.map_err(|error| anyhow!("{error}"))
}
