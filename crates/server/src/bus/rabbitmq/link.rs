//! A connection that is kept: whatever goes wrong with it, it is made anew, and with it everything that
//! depends on it.

use std::convert::Infallible;
use std::fmt::Display;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use futures_util::StreamExt as _;
use lapin::uri::AMQPUri;
use lapin::{Connection, ConnectionProperties, Event};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use super::{Bus, consumers, publisher};

/// How long the broker may take to answer anything.
const ANSWER: Duration = Duration::from_secs(10);
/// How long a goodbye may take.
const GOODBYE: Duration = Duration::from_secs(1);
/// How often either side shows that it lives, unless the URL says otherwise: a connection that is cut
/// without a word is noticed after two of these.
const HEARTBEAT_SECS: u16 = 5;
/// How long to wait before the first new try, and at most.
const PAUSES: [Duration; 2] = [Duration::from_millis(100), Duration::from_secs(5)];
/// How long a connection has to last to be called good, so that the next failure is a first one.
const GOOD: Duration = Duration::from_secs(10);

/// What a connection is for. There are two, for a broker that is short of memory or disk no longer reads
/// from whoever publishes, and our consumers have to go on.
#[derive(Clone, Copy, Debug)]
pub(super) enum Side {
    Publishing,
    Consuming,
}

/// How a connection is, to be told once when it changes.
pub(super) struct Link {
    side: Side,
    state: Mutex<State>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Starting,
    Up,
    Away,
}

impl Link {
    pub(super) const fn new(side: Side) -> Self {
        Self { side, state: Mutex::new(State::Starting) }
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

    fn away(&self, why: &anyhow::Error) {
        if self.turned(State::Away) {
            warn!(
                target: "rabbitmq", side = ?self.side, error = format!("{why:#}"),
                "RabbitMQ is away; sales go on, and events wait in the outbox"
            );
        } else {
            debug!(target: "rabbitmq", side = ?self.side, error = format!("{why:#}"), "still away");
        }
    }

    fn turned(&self, to: State) -> bool {
        std::mem::replace(&mut *self.lock(), to) != to
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keeps one side connected until stopped.
pub(super) async fn keep(bus: Arc<Bus>, side: Side, stop: CancellationToken) {
    let mut pause = PAUSES[0];
    let mut first = true;
    while !stop.is_cancelled() {
        let since = Instant::now();
        let Some(connected) = stop.run_until_cancelled(open(&bus.uri)).await else { return };
        let ended = match connected {
            Ok(connection) => {
                let ended = match side {
                    Side::Publishing => publisher::serve(&bus, &connection, &stop).await,
                    Side::Consuming => consumers::serve(&bus, &connection, first, &stop).await,
                };
                first = false;
                close(connection).await;
                ended
            }
            Err(error) => Err(error),
        };
        let Err(why) = ended else { return };
        bus.link(side).away(&why);
        if since.elapsed() > GOOD {
            pause = PAUSES[0];
        }
        if stop.run_until_cancelled(sleep(pause)).await.is_none() {
            return;
        }
        pause = (pause * 2).min(PAUSES[1]);
    }
}

/// Connects.
pub(super) async fn open(uri: &AMQPUri) -> anyhow::Result<Connection> {
    let mut uri = uri.clone();
    uri.query.heartbeat.get_or_insert(HEARTBEAT_SECS);
    let properties = ConnectionProperties::default().with_connection_name("poltrona".into());
    within(Connection::connect_uri(uri, properties)).await.context("cannot connect")
}

/// Says goodbye, to whoever may not listen any more.
pub(super) async fn close(connection: Connection) {
    let _ = timeout(GOODBYE, connection.close(200, "".into())).await;
}

/// What the broker answers, if it does so in time.
pub(super) async fn within<T, E>(answer: impl Future<Output = Result<T, E>>) -> anyhow::Result<T>
where
    E: Display,
{
    match timeout(ANSWER, answer).await {
        Ok(answer) => answer.map_err(|error| anyhow!("{error}")),
        Err(_) => Err(anyhow!("no answer within {ANSWER:?}")),
    }
}

/// Waits until a connection is lost; says why.
pub(super) async fn lost(connection: &Connection) -> anyhow::Result<Infallible> {
    let mut events = connection.events_listener();
    while let Some(event) = events.next().await {
        match event {
            Event::Error(error) => return Err(anyhow!("{error}")),
            Event::ConnectionBlocked(why) => {
                warn!(target: "rabbitmq", why, "RabbitMQ takes no messages for now");
            }
            _ => {}
        }
    }
    Err(anyhow!("the connection is closed"))
}
