//! The way from the relay to the consumers: in process.
//!
//! A message is one outbox row, that is, the events of one committed batch. It is delivered at least
//! once; each consumer makes its effect happen exactly once by writing the message's id into its
//! inbox in the transaction of the effect.

use std::sync::Arc;

use futures_util::future::try_join_all;
use poltrona_domain::Timestamp;
use uuid::Uuid;

use crate::envelope::Received;
use crate::ledger::{Error, Ledger};
use crate::read_models::Consumer;

/// The events of one batch, on their way.
#[derive(Debug)]
pub struct Message {
    /// The outbox row's id.
    pub id: Uuid,
    /// When the batch was decided.
    pub created_at: Timestamp,
    /// Its events, in the order they were decided.
    pub events: Vec<Received>,
}

/// Every consumer, within this process.
#[derive(Clone)]
pub struct Bus {
    ledger: Ledger,
}

impl Bus {
    /// A bus whose consumers write through `ledger`.
    pub const fn new(ledger: Ledger) -> Self {
        Self { ledger }
    }

    /// Delivers messages, in order, to every consumer; returns when all have taken them.
    pub async fn deliver(&self, messages: Vec<Message>) -> Result<(), Error> {
        let messages = Arc::new(messages);
        let taking = Consumer::ALL.iter().map(|consumer| {
            let messages = Arc::clone(&messages);
            self.ledger.write(move |tx| consumer.take(tx, &messages))
        });
        try_join_all(taking).await.map(|_| ())
    }
}
