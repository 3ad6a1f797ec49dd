//! The fanout over which instances hear each other: its exchange, its queues, and the form of a message.
//!
//! A message is an outbox row as it was encoded, or is empty. Its headers name the run of the instance
//! that sent it, and its number: from 1, without a gap. A receiver that finds a gap knows that it
//! missed something.

use std::time::Duration;

use lapin::options::{
    BasicConsumeOptions, ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel, Consumer, Error, ExchangeKind};
use uuid::Uuid;

use super::difference::{Item, NotDeclared};
use super::link::{declared, within};

/// The exchange.
pub(super) const FEED: &str = "poltrona.feed";
/// The header that names the run of the sender.
const SENDER: &str = "x-sender";
/// The header with the number of the message.
const NUMBER: &str = "x-number";
/// The header that says whether anything in the sender's process follows the others.
const FOLLOWS: &str = "x-follows";
/// How many messages wait for an instance that does not keep up. The oldest go first.
const LONGEST: i64 = 1_024;
/// How many bytes those have.
const LONGEST_BYTES: i64 = 16 << 20;
/// How long they wait: nobody needs older news.
const TTL: Duration = Duration::from_secs(10);
const TRANSIENT: u8 = 1;

/// The headers of a message, read.
#[derive(Clone, Copy)]
pub(super) struct Origin<'a> {
    /// The run of the instance that sent it.
    pub(super) sender: &'a [u8],
    /// Its number.
    pub(super) number: u64,
    /// Whether its sender wants to know what others commit.
    pub(super) follows: bool,
}

/// Declares the exchange.
pub(super) async fn declare(channel: &Channel) -> Result<(), NotDeclared> {
    let durable = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
    let nothing = FieldTable::default();
    let declared = channel.exchange_declare(FEED.into(), ExchangeKind::Fanout, durable, nothing);
    declared.await.map_err(|why| NotDeclared { item: Item::Exchange(FEED), why })
}

/// Declares this connection's own queue, binds it, and consumes from it without acknowledgements. The
/// queue goes with the connection. Its name is new each time: the broker may still keep the last one
/// for a connection that was cut.
pub(super) async fn consume(channel: &Channel, name: &str) -> anyhow::Result<Consumer> {
    declared(declare(channel)).await?;
    let own = QueueDeclareOptions {
        exclusive: true,
        auto_delete: true,
        ..QueueDeclareOptions::default()
    };
    let mut arguments = FieldTable::default();
    arguments.insert("x-max-length".into(), AMQPValue::LongLongInt(LONGEST));
    arguments.insert("x-max-length-bytes".into(), AMQPValue::LongLongInt(LONGEST_BYTES));
    arguments.insert("x-overflow".into(), AMQPValue::LongString("drop-head".into()));
    let ttl = i64::try_from(TTL.as_millis()).unwrap_or(i64::MAX);
    arguments.insert("x-message-ttl".into(), AMQPValue::LongLongInt(ttl));
    within(channel.queue_declare(name.into(), own, arguments)).await?;
    within(bind(channel, name)).await?;
    let unacknowledged = BasicConsumeOptions { no_ack: true, ..BasicConsumeOptions::default() };
    let nothing = FieldTable::default();
    within(channel.basic_consume(name.into(), "".into(), unacknowledged, nothing)).await
}

/// Binds a queue to the exchange. Where it is bound already, nothing changes.
pub(super) async fn bind(channel: &Channel, queue: &str) -> Result<(), Error> {
    let (options, nothing) = (QueueBindOptions::default(), FieldTable::default());
    channel.queue_bind(queue.into(), FEED.into(), "".into(), options, nothing).await
}

/// The name of a queue of an instance.
pub(super) fn queue(id: Uuid) -> String {
    format!("{FEED}.{id}")
}

/// The properties of a message.
pub(super) fn properties(origin: Origin<'_>, row: Option<Uuid>) -> BasicProperties {
    let mut headers = FieldTable::default();
    headers.insert(SENDER.into(), AMQPValue::LongString(origin.sender.into()));
    let number = i64::try_from(origin.number).unwrap_or(i64::MAX);
    headers.insert(NUMBER.into(), AMQPValue::LongLongInt(number));
    headers.insert(FOLLOWS.into(), AMQPValue::Boolean(origin.follows));
    let properties = BasicProperties::default().with_delivery_mode(TRANSIENT).with_headers(headers);
    match row {
        Some(id) => properties.with_message_id(id.to_string().into()),
        None => properties,
    }
}

/// The origin of a message, if it is one of the feed's.
pub(super) fn origin(properties: &BasicProperties) -> Option<Origin<'_>> {
    let headers = properties.headers().as_ref()?.inner();
    let sender = headers.get(SENDER)?.as_long_string()?.as_bytes();
    let number = headers.get(NUMBER)?.as_long_long_int()?;
    let follows = headers.get(FOLLOWS).and_then(AMQPValue::as_bool).unwrap_or(false);
    Some(Origin { sender, number: u64::try_from(number).ok()?, follows })
}
