//! A connection to the broker, and how it is.

use std::convert::Infallible;
use std::fmt::Display;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use futures_util::StreamExt as _;
use lapin::uri::AMQPUri;
use lapin::{Connection, ConnectionProperties, Event};
use tokio::sync::Notify;
use tokio::time::timeout;
use tracing::{debug, info, warn};

use super::transport;
use crate::tls::Tls;

/// How long the broker may take to answer anything.
const ANSWER: Duration = Duration::from_secs(10);
/// How long a goodbye may take.
const GOODBYE: Duration = Duration::from_secs(1);
/// How often either side shows that it lives, unless the URL says otherwise: a connection that is cut
/// without a word is noticed after two of these.
const HEARTBEAT_SECS: u16 = 5;

/// What a connection is for. There are two, for a broker that is short of memory or disk no longer reads
/// from whoever publishes, and our consumers have to go on.
#[derive(Clone, Copy, Debug)]
pub(super) enum Side {
    Publishing,
    Consuming,
}

/// The state of a connection; a change is logged once.
pub(super) struct Link {
    side: Side,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Starting,
    Up,
    /// Connected, but the broker reads nothing from whoever publishes: it is short of memory or disk.
    Blocked,
    Away,
}

impl Link {
    pub(super) const fn new(side: Side) -> Self {
        Self { side, state: Mutex::new(State::Starting), changed: Notify::const_new() }
    }

    /// Whether it can be used now.
    pub(super) fn is_up(&self) -> bool {
        *self.lock() == State::Up
    }

    /// It can be used.
    pub(super) fn up(&self) {
        if self.turned(State::Up) {
            info!(target: "rabbitmq", side = ?self.side, "RabbitMQ is reached");
        }
    }

    /// It cannot be used. Instances that start together on an empty broker declare the same queues, and
    /// RabbitMQ fails some of them in that: the first try is not logged as if RabbitMQ were away.
    pub(super) fn away(&self, why: &anyhow::Error, is_first_try: bool) {
        if !is_first_try && self.turned(State::Away) {
            warn!(
                target: "rabbitmq", side = ?self.side, error = format!("{why:#}"),
                "RabbitMQ is away; sales go on, and events wait in the outbox"
            );
        } else {
            debug!(target: "rabbitmq", side = ?self.side, error = format!("{why:#}"), "still away");
        }
    }

    fn blocked(&self, why: &str) {
        if self.turned(State::Blocked) {
            warn!(
                target: "rabbitmq", side = ?self.side, why,
                "RabbitMQ takes no messages; sales go on, and events wait in the outbox"
            );
        }
    }

    /// Whether the broker takes no messages.
    pub(super) fn is_blocked(&self) -> bool {
        *self.lock() == State::Blocked
    }

    /// Waits until the broker takes no messages.
    pub(super) async fn until_blocked(&self) {
        loop {
            let changed = self.changed.notified();
            if self.is_blocked() {
                return;
            }
            changed.await;
        }
    }

    fn turned(&self, to: State) -> bool {
        let turned = std::mem::replace(&mut *self.lock(), to) != to;
        if turned {
            self.changed.notify_waiters();
        }
        turned
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Connects.
pub(super) async fn open(uri: &AMQPUri, tls: &Tls) -> anyhow::Result<Connection> {
    let mut uri = uri.clone();
    uri.query.heartbeat.get_or_insert(HEARTBEAT_SECS);
    let properties = ConnectionProperties::default().with_connection_name("poltrona".into());
    within(transport::connect(uri, tls, properties)).await.context("cannot connect")
}

/// Says goodbye, to whoever may not listen any more.
pub(super) async fn close(connection: Connection) {
    let _ = timeout(GOODBYE, connection.close(200, "".into())).await;
}

/// The broker's answer, if it comes in time.
pub(super) async fn within<T, E>(answer: impl Future<Output = Result<T, E>>) -> anyhow::Result<T>
where
    E: Display,
{
    match timeout(ANSWER, answer).await {
        Ok(answer) => answer.map_err(|error| anyhow!("{error}")),
        Err(_) => Err(anyhow!("no answer within {ANSWER:?}")),
    }
}

/// Waits until a connection is lost; says why. Meanwhile its side learns whether messages are taken.
pub(super) async fn lost(connection: &Connection, link: &Link) -> anyhow::Result<Infallible> {
    let mut events = connection.events_listener();
    while let Some(event) = events.next().await {
        match event {
            Event::Error(error) => return Err(anyhow!("{error}")),
            Event::ConnectionBlocked(why) => link.blocked(&why),
            Event::ConnectionUnblocked => link.up(),
            _ => {}
        }
    }
    Err(anyhow!("the connection is closed"))
}
