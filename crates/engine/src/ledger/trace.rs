//! A command's way through the ledger as the trace of its request shows it.
//!
//! In the queue, then in a batch. The transaction serves many requests and a span lies in one trace:
//! it is a part of the first that is recorded, and linked with the others, both ways.

use poltrona_domain::Command;

use super::Submission;
use crate::observe::metrics::Metrics;
use crate::observe::traces::{Cause, Span};

/// What is told of a command. Nothing, for one that nobody asked for.
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
        stage.set("poltrona.command", Metrics::kind(command));
        Self { cause, stage }
    }

    /// The request that asked, for the events that come of it.
    pub(super) fn traceparent(&self) -> Option<String> {
        self.cause.traceparent()
    }

    fn taken(&mut self, command: &Command, batch: i64) {
        self.stage = self.cause.part("ledger.batch");
        self.stage.set("poltrona.command", Metrics::kind(command));
        self.stage.set("poltrona.batch.size", batch);
    }
}

/// The commands leave the queue together.
pub(super) fn taken(batch: &mut [Submission]) {
    let size = i64::try_from(batch.len()).unwrap_or(i64::MAX);
    for submission in batch {
        submission.trace.taken(&submission.command, size);
    }
}

/// The transaction that decides them.
pub(super) fn transaction(batch: &[Submission]) -> Span {
    let mut recorded = batch.iter().map(|it| &it.trace.stage).filter(|it| it.is_recorded());
    let Some(first) = recorded.next() else { return Span::none() };
    let span = first.part("store.transaction");
    span.set("poltrona.batch.size", i64::try_from(batch.len()).unwrap_or(i64::MAX));
    for other in recorded {
        span.link(other);
        other.link(&span);
    }
    span
}
