//! Straight to the consumers, within the process.

use futures_util::future::try_join_all;

use super::Message;
use crate::ledger::{Error, Ledger};
use crate::observe::traces::Span;
use crate::read_models;
use crate::store::chore::{Chore, Consumer};

/// Every consumer of this process.
#[derive(Clone)]
pub struct Bus {
    ledger: Ledger,
}

impl Bus {
    pub(super) const fn new(ledger: Ledger) -> Self {
        Self { ledger }
    }

    /// Delivers messages, in order, to every consumer; returns when all have taken them.
    pub(super) async fn deliver(&self, messages: &[Message]) -> Result<(), Error> {
        let taking = Consumer::ALL.iter().map(|consumer| {
            let effects = read_models::effects(*consumer, messages);
            let span = Span::consumer("consume");
            span.set("messaging.destination.name", consumer.name());
            async move {
                let chore = Chore::Follow { consumer: *consumer, effects, synced: false };
                let taken = span.around(self.ledger.write(chore)).await;
                taken.inspect_err(|error| span.fail(error))
            }
        });
        try_join_all(taking).await.map(|_| ())
    }
}
