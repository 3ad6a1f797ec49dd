//! Straight to the projections, within the process.

use std::sync::Arc;

use futures_util::future::try_join_all;

use crate::event::EventBatch;
use crate::ledger::{Error, Ledger};
use crate::observe::traces::Span;
use crate::projection;
use crate::store::background::{BackgroundWrite, Projection};

/// Every projection of this process.
#[derive(Clone)]
pub struct Bus {
    ledger: Ledger,
}

impl Bus {
    pub(super) const fn new(ledger: Ledger) -> Self {
        Self { ledger }
    }

    /// Delivers messages, in order, to every projection; returns when all have taken them.
    pub(super) async fn deliver(&self, messages: &[Arc<EventBatch>]) -> Result<(), Error> {
        let taking = Projection::ALL.iter().map(|projection| {
            let effects = projection::effects(*projection, messages.iter().map(|it| &**it));
            let span = Span::consumer("consume");
            span.set("messaging.destination.name", projection.name());
            async move {
                let write =
                    BackgroundWrite::Project { projection: *projection, effects, synced: false };
                let taken = span.around(self.ledger.write(write)).await;
                taken.inspect_err(|error| span.fail(error))
            }
        });
        try_join_all(taking).await.map(|_| ())
    }
}
