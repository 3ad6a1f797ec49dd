//! Looking at what a broker has, without changing it.

use futures_util::future::BoxFuture;
use lapin::options::{ExchangeDeclareOptions, QueueDeclareOptions};
use lapin::protocol::AMQPSoftError;
use lapin::types::FieldTable;
use lapin::{Channel, Connection, Error, ExchangeKind};

use super::difference::{Item, NotDeclared, is_closed_by};
use super::feed;
use super::topology::{self, Declaration, Queue};

/// A queue or exchange of ours as it is on a broker.
#[derive(Debug)]
pub struct Inspected {
    /// The queue or exchange.
    pub item: Item,
    /// The number of messages that wait in it; `None` when it does not exist.
    pub messages: Option<u32>,
    /// The broker's message about what differs, when it exists but not as the program declares it.
    pub difference: Option<String>,
}

/// Inspects the exchanges and every queue but those of holds and of instances. Creates nothing: only what exists is
/// declared again, which changes nothing. A user who may not declare gets no difference.
pub fn inspect(connection: &Connection) -> BoxFuture<'_, Result<Vec<Inspected>, Error>> {
    Box::pin(async move {
        let (events, topic) = (topology::EXCHANGE, ExchangeKind::Topic);
        let events = inspect_exchange(connection, events, topic, topology::declare_exchange);
        let (fed, fanout) = (feed::FEED, ExchangeKind::Fanout);
        let fed = inspect_exchange(connection, fed, fanout, feed::declare);
        let mut inspected = vec![events.await?, fed.await?];
        for declaration in Queue::ALL.into_iter().flat_map(topology::with_its_own) {
            inspected.push(inspect_queue(connection, declaration).await?);
        }
        Ok(inspected)
    })
}

async fn inspect_exchange(
    connection: &Connection,
    name: &'static str,
    kind: ExchangeKind,
    declare: impl AsyncFnOnce(&Channel) -> Result<(), NotDeclared>,
) -> Result<Inspected, Error> {
    let item = Item::Exchange(name);
    let look = ExchangeDeclareOptions { passive: true, ..ExchangeDeclareOptions::default() };
    let (channel, nothing) = (connection.create_channel().await?, FieldTable::default());
    let looked = channel.exchange_declare(name.into(), kind, look, nothing).await;
    let messages = if_found(looked)?.map(|()| 0);
    let difference = match messages {
        Some(_) => difference(declare(&channel).await)?,
        None => None,
    };
    Ok(Inspected { item, messages, difference })
}

async fn inspect_queue(
    connection: &Connection,
    declaration: Declaration,
) -> Result<Inspected, Error> {
    let item = Item::Queue(declaration.name.clone());
    let mut channel = connection.create_channel().await?;
    let messages = match count(&channel, &declaration.name).await {
        // It is exclusive to another connection.
        Err(error) if is_closed_by(&error, &AMQPSoftError::RESOURCELOCKED) => {
            channel = connection.create_channel().await?;
            Some(0)
        }
        counted => counted?,
    };
    let difference = match messages {
        Some(_) => difference(declaration.declare(&channel).await.map(drop))?,
        None => None,
    };
    Ok(Inspected { item, messages, difference })
}

/// The number of messages that wait in a queue; `None` when it does not exist, and then the broker has
/// closed the channel.
pub(super) async fn count(channel: &Channel, queue: &str) -> Result<Option<u32>, Error> {
    let look = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
    let looked = channel.queue_declare(queue.into(), look, FieldTable::default()).await;
    Ok(if_found(looked)?.map(|queue| queue.message_count()))
}

fn if_found<T>(looked: Result<T, Error>) -> Result<Option<T>, Error> {
    match looked {
        Ok(found) => Ok(Some(found)),
        Err(error) if is_closed_by(&error, &AMQPSoftError::NOTFOUND) => Ok(None),
        Err(error) => Err(error),
    }
}

fn difference(declared: Result<(), NotDeclared>) -> Result<Option<String>, Error> {
    match declared {
        Ok(()) => Ok(None),
        Err(error) if error.is_different() => Ok(Some(error.in_words())),
        Err(error) if is_closed_by(&error.why, &AMQPSoftError::ACCESSREFUSED) => Ok(None),
        Err(error) => Err(error.why),
    }
}
