//! Every exchange and queue, and how messages move between them.
//!
//! Declaring what exists changes nothing, so it is done at each connection and repeated: a deleted
//! queue comes back. All queues are quorum queues, and every message that the broker itself moves
//! on (a delay that ends, a delivery too many) leaves its queue only when the next one has it:
//! <https://www.rabbitmq.com/docs/quorum-queues#dead-lettering>.

use std::time::Duration;

use lapin::options::{ExchangeDeclareOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Channel, ExchangeKind};

use super::difference::{Item, NotDeclared};
use crate::store::background::Projection;

/// The exchange of single events, routed by type; other programs bind queues.
pub(super) const EXCHANGE: &str = "poltrona.events";
/// How often an unacknowledged message is delivered before it is a dead letter: each time a
/// connection, or a process, that had it was lost.
const DELIVERIES: i64 = 20;
/// How many messages a queue takes. A full one refuses, and refused messages wait where they came
/// from.
pub(super) const LONGEST: i64 = 1_000_000;
/// How many dead letters a queue keeps. When it is full, failed messages are retried on.
const DEAD_LETTERS: i64 = 100_000;
/// Listing dead letters delivers them, so the delivery limit must be out of reach.
const LOOKS: i64 = 1_000_000;
/// How long a queue of holds stays that no instance uses any more, at least.
const UNUSED: Duration = Duration::from_mins(10);
/// How long it stays, at least, in lengths of its holds.
const UNUSED_HOLDS: u64 = 10;
/// How long a message waits after its first, second and third failure.
const RETRIES: [(&str, Duration); 3] = [
    ("1s", Duration::from_secs(1)),
    ("5s", Duration::from_secs(5)),
    ("25s", Duration::from_secs(25)),
];

/// A queue that our own consumers work on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Queue {
    /// Events of sessions and reservations.
    Reservations,
    /// Events of payments.
    Payments,
    /// Holds that lapse now.
    Expirations,
}

impl Queue {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Reservations, Self::Payments, Self::Expirations];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Reservations => "reservations",
            Self::Payments => "payments",
            Self::Expirations => "expirations",
        }
    }

    /// The projection that follows it; none for lapses, which are the ledger's.
    pub(super) const fn projection(self) -> Option<Projection> {
        match self {
            Self::Reservations => Some(Projection::SessionStats),
            Self::Payments => Some(Projection::SalesByHour),
            Self::Expirations => None,
        }
    }

    /// Where its dead letters are.
    pub fn dead_letters(self) -> String {
        format!("{}.dlq", self.name())
    }

    /// Where its messages wait to be tried again.
    pub fn retries(self) -> [String; 3] {
        RETRIES.map(|(name, _)| self.retry_name(name))
    }

    /// Where a message that failed this often before waits; `None` after the last try.
    pub(super) fn retry(self, failures: usize) -> Option<String> {
        RETRIES.get(failures).map(|(name, _)| self.retry_name(name))
    }

    /// Where it waits longest.
    pub(super) fn last_retry(self) -> String {
        self.retry_name(RETRIES[RETRIES.len() - 1].0)
    }

    fn retry_name(self, name: &str) -> String {
        format!("{}.retry.{name}", self.name())
    }
}

/// The name of the queue in which holds of a length wait.
pub(super) fn holds(length_millis: u64) -> String {
    format!("poltrona.holds.{length_millis}")
}

/// A queue of ours as it has to be.
pub(super) struct Declaration {
    pub(super) name: String,
    arguments: Arguments,
}

impl Declaration {
    /// Declares it; gives the number of messages that wait in it.
    pub(super) async fn declare(self, channel: &Channel) -> Result<u32, NotDeclared> {
        let durable = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
        let (name, arguments) = (self.name.as_str().into(), self.arguments.0);
        match channel.queue_declare(name, durable, arguments).await {
            Ok(queue) => Ok(queue.message_count()),
            Err(why) => Err(NotDeclared { item: Item::Queue(self.name), why }),
        }
    }
}

/// A queue with those that belong to it: its dead letters first, then its retries, then itself.
pub(super) fn with_its_own(queue: Queue) -> [Declaration; 5] {
    let dead = queue.dead_letters();
    let kept = limits(DEAD_LETTERS).with("x-delivery-limit", LOOKS);
    let work = moving_on(&dead).with("x-delivery-limit", DELIVERIES);
    let [first, second, last] = RETRIES.map(|(name, wait)| Declaration {
        name: queue.retry_name(name),
        arguments: moving_on(queue.name()).with("x-message-ttl", millis(wait)),
    });
    let dead = Declaration { name: dead, arguments: kept };
    [dead, first, second, last, Declaration { name: queue.name().to_owned(), arguments: work }]
}

/// Declares everything but the queues of holds; gives the number of dead letters of each queue.
pub(super) async fn declare(channel: &Channel) -> Result<[(Queue, u32); 3], NotDeclared> {
    declare_exchange(channel).await?;
    let mut letters = Queue::ALL.map(|queue| (queue, 0));
    for (queue, count) in &mut letters {
        let [dead, others @ ..] = with_its_own(*queue);
        *count = dead.declare(channel).await?;
        for other in others {
            other.declare(channel).await?;
        }
    }
    Ok(letters)
}

/// Declares the exchange.
pub(super) async fn declare_exchange(channel: &Channel) -> Result<(), NotDeclared> {
    let durable = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
    let nothing = FieldTable::default();
    let declared = channel.exchange_declare(EXCHANGE.into(), ExchangeKind::Topic, durable, nothing);
    declared.await.map_err(|why| NotDeclared { item: Item::Exchange(EXCHANGE), why })
}

/// Declares the queue in which holds of this length wait for their end. One length a queue, for
/// RabbitMQ looks only at a queue's first message: messages must end in the order in which they
/// came.
pub(super) async fn declare_holds(
    channel: &Channel,
    length_millis: u64,
) -> Result<(), NotDeclared> {
    let unused = millis(UNUSED).max(signed(length_millis.saturating_mul(UNUSED_HOLDS)));
    let arguments = moving_on(Queue::Expirations.name())
        .with("x-message-ttl", signed(length_millis))
        .with("x-expires", unused.min(i64::from(u32::MAX)));
    Declaration { name: holds(length_millis), arguments }.declare(channel).await.map(drop)
}

/// The arguments of a queue whose expired messages go to another, through the default exchange.
fn moving_on(to: &str) -> Arguments {
    limits(LONGEST)
        .with_text("x-dead-letter-exchange", "")
        .with_text("x-dead-letter-routing-key", to)
        .with_text("x-dead-letter-strategy", "at-least-once")
}

/// The arguments of a queue that takes this many messages and refuses more.
fn limits(messages: i64) -> Arguments {
    Arguments(FieldTable::default())
        .with_text("x-queue-type", "quorum")
        .with_text("x-overflow", "reject-publish")
        .with("x-max-length", messages)
}

/// A queue's arguments in the making.
struct Arguments(FieldTable);

impl Arguments {
    fn with(mut self, name: &str, value: i64) -> Self {
        self.0.insert(name.into(), AMQPValue::LongLongInt(value));
        self
    }

    fn with_text(mut self, name: &str, value: &str) -> Self {
        self.0.insert(name.into(), AMQPValue::LongString(value.into()));
        self
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
