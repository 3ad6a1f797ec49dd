//! A connection to the broker, and its state.

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

use super::difference::{NotDeclared, is_of_a_channel};
use super::transport;
use crate::text;
use crate::tls::Tls;

/// How long the broker may take to answer anything.
const ANSWER: Duration = Duration::from_secs(10);
/// How long closing a connection may take.
const GOODBYE: Duration = Duration::from_secs(1);
/// The heartbeat of a connection, unless the URL sets another: a connection that is cut silently is
/// noticed after two.
const HEARTBEAT_SECS: u16 = 5;

/// The purpose of a connection. There are two: a broker that is short of memory or disk no longer
/// reads from publishers, and consumers have to go on.
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

#[derive(Clone, PartialEq, Eq)]
enum State {
    Starting,
    Up,
    /// Connected, but the broker reads nothing from publishers: it is short of memory or disk.
    Blocked(String),
    /// Connected, but the broker refused messages, and has not taken any since.
    Refusing(String),
    /// The broker has a queue or an exchange of ours with other arguments.
    Different(String),
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

    /// Why a reachable broker cannot be used; `None` when it can, or is not reached.
    pub(super) fn obstacle(&self) -> Option<String> {
        match &*self.lock() {
            State::Blocked(why) | State::Refusing(why) | State::Different(why) => Some(why.clone()),
            State::Starting | State::Up | State::Away => None,
        }
    }

    /// Why it cannot be used.
    pub(super) fn why_not(&self) -> String {
        self.obstacle().unwrap_or_else(|| "RabbitMQ is away".to_owned())
    }

    /// It is connected. A broker that refused messages may still refuse them.
    pub(super) fn up(&self) {
        let is_refusing = matches!(*self.lock(), State::Refusing(_));
        if !is_refusing && self.turned(State::Up) {
            info!(target: "rabbitmq", side = ?self.side, "RabbitMQ is reached");
        }
    }

    /// The broker has taken messages, or has not refused any for some time.
    pub(super) fn takes_messages(&self) {
        let is_refusing = matches!(*self.lock(), State::Refusing(_));
        if is_refusing && self.turned(State::Up) {
            info!(target: "rabbitmq", side = ?self.side, "RabbitMQ refuses no messages any more");
        }
    }

    /// The broker has refused messages.
    pub(super) fn refuses(&self, why: &str) {
        let was_refusing = matches!(*self.lock(), State::Refusing(_));
        if self.turned(State::Refusing(why.to_owned())) && !was_refusing {
            warn!(
                target: "rabbitmq", side = ?self.side, why,
                "RabbitMQ refuses messages, as a full queue does, or one that lost its leader; \
                 sales go on, and events wait in the outbox"
            );
        }
    }

    /// It cannot be used. Instances that start together on an empty broker declare the same queues, and
    /// RabbitMQ fails some of them in that: the first try is not logged as if RabbitMQ were away.
    pub(super) fn away(&self, why: &anyhow::Error, vhost: &str, is_first_try: bool) {
        let (side, error) = (self.side, format!("{why:#}"));
        if is_first_try {
            debug!(target: "rabbitmq", ?side, error, "the first try failed");
            return;
        }
        let different = why.downcast_ref().filter(|it: &&NotDeclared| it.is_different());
        let deletion = different.map(|it| it.item.deletion(vhost));
        let state = match &deletion {
            Some(deletion) => State::Different(format!("{error}; to delete it: {deletion}")),
            None => State::Away,
        };
        match (self.turned(state), deletion) {
            (true, Some(deletion)) => warn!(
                target: "rabbitmq", ?side, error, deletion,
                "RabbitMQ has a queue or an exchange of ours with other arguments; \
                 sales go on, and events wait in the outbox"
            ),
            (true, None) => warn!(
                target: "rabbitmq", ?side, error,
                "RabbitMQ is away; sales go on, and events wait in the outbox"
            ),
            (false, _) => debug!(target: "rabbitmq", ?side, error, "still away"),
        }
    }

    fn blocked(&self, why: &str) {
        let obstacle = format!("RabbitMQ takes no messages: {}", text::printable(why));
        if self.turned(State::Blocked(obstacle)) {
            warn!(
                target: "rabbitmq", side = ?self.side, why,
                "RabbitMQ takes no messages; sales go on, and events wait in the outbox"
            );
        }
    }

    /// Whether the broker takes no messages.
    pub(super) fn is_blocked(&self) -> bool {
        matches!(*self.lock(), State::Blocked(_))
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

    /// Waits while the broker takes no messages.
    pub(super) async fn while_blocked(&self) {
        loop {
            let changed = self.changed.notified();
            if !self.is_blocked() {
                return;
            }
            changed.await;
        }
    }

    fn turned(&self, to: State) -> bool {
        let mut state = self.lock();
        let turned = *state != to;
        *state = to;
        drop(state);
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

/// Closes a connection; the broker may not answer any more.
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

/// Like [`within`], for declarations; the error stays a [`NotDeclared`].
pub(super) async fn declared<T>(
    declaring: impl Future<Output = Result<T, NotDeclared>>,
) -> anyhow::Result<T> {
    let declared = within(async { Ok::<_, Infallible>(declaring.await) }).await;
    Ok(declared.context("cannot declare the queues")??)
}

/// Waits until a connection is lost; gives the reason. Meanwhile `link` follows whether messages
/// are taken.
pub(super) async fn lost(connection: &Connection, link: &Link) -> anyhow::Result<Infallible> {
    let mut events = connection.events_listener();
    while let Some(event) = events.next().await {
        match event {
            // The user of a channel that the broker closed gets an error, and the rest goes on.
            Event::Error(error) if is_of_a_channel(&error) => {}
            Event::Error(error) => return Err(anyhow!("{error}")),
            Event::ConnectionBlocked(why) => link.blocked(&why),
            Event::ConnectionUnblocked => link.up(),
            _ => {}
        }
    }
    Err(anyhow!("the connection is closed"))
}
