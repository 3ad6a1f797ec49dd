//! A client of the same broker beside the program: it listens, inspects queues, or deletes them.

use std::time::Duration;

use lapin::options::{
    BasicGetOptions, BasicPublishOptions, ConfirmSelectOptions, ExchangeDeclareOptions,
    ExchangeDeleteOptions, QueueBindOptions, QueueDeclareOptions, QueueDeleteOptions,
};
use lapin::types::{AMQPValue, FieldArray, FieldTable};
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties, ExchangeKind};
use poltrona_engine::bus::rabbitmq::connect;
use poltrona_engine::tls::Tls;
use poltrona_testkit::wait::wait_for;
use serde_json::Value;

pub(super) struct Client {
    connection: Connection,
    channel: Channel,
}

/// A message that was taken out of a queue.
pub(super) struct Taken {
    pub(super) id: Option<String>,
    pub(super) content_type: Option<String>,
    pub(super) routing_key: String,
    pub(super) headers: FieldTable,
    pub(super) body: Vec<u8>,
}

impl Taken {
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }

    /// A text among its headers.
    pub(super) fn header(&self, name: &str) -> Option<String> {
        let text = self.headers.inner().get(name)?.as_long_string()?;
        Some(String::from_utf8_lossy(text.as_bytes()).into_owned())
    }

    /// The queues in which it waited, from `x-death`, sorted: RabbitMQ lists them in any order.
    pub(super) fn waited_in(&self) -> Vec<String> {
        let deaths = self.headers.inner().get("x-death").and_then(AMQPValue::as_array);
        let queue = |death: &AMQPValue| {
            let death = death.as_field_table().expect("a table");
            let queue = death.inner()["queue"].as_long_string().expect("a name");
            String::from_utf8_lossy(queue.as_bytes()).into_owned()
        };
        let deaths = deaths.map(FieldArray::as_slice).unwrap_or_default();
        let mut queues: Vec<_> = deaths.iter().map(queue).collect();
        queues.sort();
        queues
    }
}

impl Client {
    pub(super) async fn connect(url: &str) -> Self {
        let uri = url.parse().expect("a URL");
        let connection = connect(uri, &Tls::system(), ConnectionProperties::default()).await;
        let connection = connection.expect("a connection");
        let channel = connection.create_channel().await.expect("a channel");
        channel.confirm_select(ConfirmSelectOptions::default()).await.expect("confirms");
        Self { connection, channel }
    }

    pub(super) const fn channel(&self) -> &Channel {
        &self.channel
    }

    /// Declares a queue and binds it to the exchange for events.
    pub(super) async fn listen(&self, queue: &str, pattern: &str) {
        let nothing = FieldTable::default;
        let durable = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
        let exchange = "poltrona.events";
        self.channel
            .exchange_declare(exchange.into(), ExchangeKind::Topic, durable, nothing())
            .await
            .expect("the exchange is there");
        let options = QueueDeclareOptions::default();
        self.channel.queue_declare(queue.into(), options, nothing()).await.expect("a queue");
        let options = QueueBindOptions::default();
        self.channel
            .queue_bind(queue.into(), exchange.into(), pattern.into(), options, nothing())
            .await
            .expect("a binding");
    }

    /// Sends a message to a queue.
    pub(super) async fn send(&self, queue: &str, id: &str, body: &str) {
        let properties =
            BasicProperties::default().with_delivery_mode(2).with_message_id(id.into());
        let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
        let sent = self.channel.basic_publish(
            "".into(),
            queue.into(),
            options,
            body.as_bytes(),
            properties,
        );
        let confirmed = sent.await.expect("it is sent").await.expect("an answer");
        assert!(confirmed.is_ack() && confirmed.take_message().is_none(), "{queue} is not there");
    }

    /// Takes one message, waiting for it.
    pub(super) async fn take(&self, queue: &str) -> Taken {
        wait_for(format!("a message in {queue}"), async || self.try_take(queue).await).await
    }

    async fn try_take(&self, queue: &str) -> Option<Taken> {
        let options = BasicGetOptions { no_ack: true };
        let got = self.channel.basic_get(queue.into(), options).await.expect("an answer")?;
        let text = |text: &Option<lapin::types::ShortString>| {
            text.as_ref().map(|text| text.as_str().to_owned())
        };
        Some(Taken {
            id: text(got.properties.message_id()),
            content_type: text(got.properties.content_type()),
            routing_key: got.routing_key.as_str().to_owned(),
            headers: got.properties.headers().clone().unwrap_or_default(),
            body: got.data.clone(),
        })
    }

    /// How many messages wait in a queue that is there.
    pub(super) async fn count(&self, queue: &str) -> u32 {
        self.try_count(queue).await.unwrap_or_else(|| panic!("{queue} is not there"))
    }

    /// How many messages wait in a queue; `None` when there is no such queue.
    pub(super) async fn try_count(&self, queue: &str) -> Option<u32> {
        // A passive declaration of a missing queue closes the channel.
        let channel = self.connection.create_channel().await.expect("a channel");
        let passive = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
        let asked = channel.queue_declare(queue.into(), passive, FieldTable::default()).await;
        asked.ok().map(|queue| queue.message_count())
    }

    /// Waits until a queue is empty.
    pub(super) async fn drained(&self, queue: &str) {
        let empty = async || (self.count(queue).await == 0).then_some(());
        wait_for(format!("{queue} is drained"), empty).await;
    }

    /// Deletes a queue with all that is in it.
    pub(super) async fn delete(&self, queue: &str) {
        let options = QueueDeleteOptions::default();
        self.channel.queue_delete(queue.into(), options).await.expect("it is deleted");
    }

    pub(super) async fn delete_exchange(&self) {
        let options = ExchangeDeleteOptions::default();
        let deleted = self.channel.exchange_delete("poltrona.events".into(), options).await;
        deleted.expect("it is deleted");
    }
}

/// The queue in which holds of this length wait.
pub(super) fn holds(length: Duration) -> String {
    format!("poltrona.holds.{}", length.as_millis())
}
