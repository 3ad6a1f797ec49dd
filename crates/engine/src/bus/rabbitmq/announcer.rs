//! Telling the other instances what this one committed, at once and without any promise.
//!
//! It follows the commit feed, not the outbox. It has a channel of its own and nobody waits for it, so
//! that a broker that is slow or away delays neither the relay nor the ledger. What it cannot send is
//! numbered and left out; receivers find the gap. Once a second it sends a number alone, by which the
//! others notice what they missed, and know whether anything in this process follows them. While
//! nothing in another process does, that is all that it sends.

use std::convert::Infallible;

use lapin::options::BasicPublishOptions;
use lapin::{Channel, Connection};
use tokio::time::{Instant, timeout_at};
use tracing::debug;

use super::feed::{self, FEED, Origin};
use super::link::{declared, within};
use super::numbers::{BEAT, Numbered};
use super::state::State;
use crate::backoff::BROKER;
use crate::env::clock::pause;
use crate::event::EventBatch;

/// Announces commits while the connection lasts; a failed channel is made anew.
pub(super) async fn announce(bus: &State, connection: &Connection) -> Infallible {
    let mut commits = bus.commits.lock().await;
    let mut waits = BROKER.waits(&bus.env.ids);
    loop {
        bus.publishing.while_blocked().await;
        let Err(error) = bus.announce(connection, &mut commits).await;
        debug!(target: "rabbitmq", %error, "commits are not announced to other instances");
        pause(waits.next_wait()).await;
    }
}

impl State {
    async fn announce(
        &self,
        connection: &Connection,
        commits: &mut Numbered,
    ) -> anyhow::Result<Infallible> {
        let channel = within(connection.create_channel()).await?;
        declared(feed::declare(&channel)).await?;
        // Batches committed meanwhile are too old; the next number shows that they are missing.
        commits.skip();
        let mut beat_at = Instant::now();
        loop {
            let next = timeout_at(beat_at, commits.next()).await;
            let followers = self.numbers().followers(Instant::now());
            // A blocked broker reads nothing, and what is sent to it would wait.
            let is_blocked = self.publishing.is_blocked();
            match next {
                Ok(Some((number, batch))) if followers > 0 && !is_blocked => {
                    self.send(&channel, number, Some(&batch)).await?;
                    self.meters.announced();
                }
                Ok(Some(_)) => {}
                // It ends with the ledger, and then the stop is near.
                Ok(None) => std::future::pending().await,
                Err(_) => {
                    beat_at = Instant::now() + BEAT;
                    self.meters.peers(followers);
                    if !is_blocked {
                        self.send(&channel, commits.beat(), None).await?;
                    }
                }
            }
        }
    }

    /// Sends a batch, or an empty message.
    async fn send(
        &self,
        channel: &Channel,
        number: u64,
        batch: Option<&EventBatch>,
    ) -> anyhow::Result<()> {
        let body = batch.map(EventBatch::json).unwrap_or_default().as_bytes();
        let (sender, follows) = (self.run.as_bytes(), self.peers.is_followed());
        let origin = Origin { sender, number, follows };
        let properties = feed::properties(origin, batch.map(|batch| batch.id));
        let options = BasicPublishOptions::default();
        let sending = channel.basic_publish(FEED.into(), "".into(), options, body, properties);
        within(sending).await.map(drop)
    }
}
