//! A command's way through the ledger as the trace of its request shows it.
//!
//! First in the queue, then in a batch. A transaction serves many requests but its span lies in one
//! trace: the first recorded one, linked with the others both ways.

use poltrona_domain::Command;

use crate::observe::traces::{Cause, Span};

/// The span of a command's stage; none for a command without a request.
#[derive(Default)]
pub(super) struct Trace {
    cause: Cause,
    /// In the queue, or in a batch.
    stage: Span,
}

impl Trace {
    /// The command begins to wait.
    pub(super) fn begin(command: &Command) -> Self {
        let cause = Cause::current();
        let stage = cause.part("ledger.queue");
        stage.set("poltrona.command", command.kind());
        Self { cause, stage }
    }

    /// The request that asked, for the events that come of it.
    pub(super) fn traceparent(&self) -> Option<String> {
        self.cause.traceparent()
    }

    /// The command leaves the queue, together with others.
    pub(super) fn taken(&mut self, command: &Command, batch: usize) {
        self.stage = self.cause.part("ledger.batch");
        self.stage.set("poltrona.command", command.kind());
        self.stage.set("poltrona.batch.size", count(batch));
    }
}

/// The transaction that decides commands.
pub(super) fn transaction<'a>(batch: impl ExactSizeIterator<Item = &'a Trace>) -> Span {
    let size = batch.len();
    let mut recorded = batch.map(|trace| &trace.stage).filter(|it| it.is_recorded());
    let Some(first) = recorded.next() else { return Span::none() };
    let span = first.part("store.transaction");
    span.set("poltrona.batch.size", count(size));
    for other in recorded {
        span.link(other);
        other.link(&span);
    }
    span
}

fn count(commands: usize) -> i64 {
    i64::try_from(commands).unwrap_or(i64::MAX)
}
