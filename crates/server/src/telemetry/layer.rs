//! The layer that writes each event as one line.

use std::io::Write as _;

use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use super::entry::Entry;
use super::fields::Fields;
use super::{json, pretty};
use poltrona_engine::env::clock::Clock;
use poltrona_engine::observe::traces::current_trace;

/// The form of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// For people.
    Pretty {
        /// Whether with the colours of a terminal.
        colour: bool,
    },
    /// For machines.
    Json,
}

/// Writes every event as one line, with the fields of its spans and the id of its trace.
pub(super) struct Lines<W> {
    shape: Shape,
    clock: Clock,
    writer: W,
}

impl<W> Lines<W> {
    pub(super) fn new(shape: Shape, clock: Clock, writer: W) -> Self {
        Self { shape, clock, writer }
    }
}

impl<S, W> Layer<S> for Lines<W>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: for<'a> MakeWriter<'a> + 'static,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        span.extensions_mut().insert(fields);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        if let Some(fields) = span.extensions_mut().get_mut::<Fields>() {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut own = Fields::default();
        event.record(&mut own);
        let spans: Vec<_> = context.event_scope(event).into_iter().flatten().collect();
        let extensions: Vec<_> = spans.iter().map(|span| span.extensions()).collect();
        let outer = extensions.iter().filter_map(|known| known.get::<Fields>());
        let trace = current_trace().map(|trace| ("trace_id", trace.into()));
        let fields = own.within(outer.flat_map(|fields| &fields.named).chain(&trace));
        let entry = Entry {
            at: self.clock.now(),
            metadata: event.metadata(),
            message: &own.message,
            fields: &fields,
        };
        let line = match self.shape {
            Shape::Pretty { colour } => pretty::line(&entry, colour),
            Shape::Json => json::line(&entry),
        };
        // A line that cannot be written cannot be reported either.
        let _ = self.writer.make_writer_for(event.metadata()).write_all(line.as_bytes());
    }
}

#[cfg(test)]
mod tests;
