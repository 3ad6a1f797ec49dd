//! Traces: where the time of a request went, recorded by the program's tracer.
//!
//! Owns what a span is here, which requests are recorded, and how spans find their parent: through
//! the current [`Context`], which follows a request's future from poll to poll. Without a collector
//! no context is ever set, and everything here does nothing. The program exports the spans; each
//! module begins its own.

use std::fmt::Display;

use opentelemetry::trace::{
    FutureExt as _, Link, SpanBuilder, SpanContext, Status, TraceContextExt as _, Tracer as _,
};
use opentelemetry::{Context, ContextGuard, KeyValue, Value};
use opentelemetry_sdk::trace::SdkTracer;

use super::traceparent;
pub use opentelemetry::trace::SpanKind;

/// How many others a span may be linked with: as many commands as a batch may have.
pub const LINKS_MAX: u32 = 1_024;

/// Begins the spans that have no parent in this process. Cheap to clone.
#[derive(Clone, Default)]
pub struct Traces(Option<Context>);

impl Traces {
    /// Records nothing, at no cost.
    pub const fn off() -> Self {
        Self(None)
    }

    /// Records through `tracer`.
    pub fn to(tracer: SdkTracer) -> Self {
        Self(Some(Context::new().with_value(tracer)))
    }

    /// Whether there is a tracer.
    pub const fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// The span of a request, named `name`, that came with this `traceparent` and `tracestate`.
    pub fn request(&self, name: &'static str, parent: Option<&str>, state: Option<&str>) -> Span {
        let Some(base) = &self.0 else { return Span::none() };
        let parent = parent.and_then(traceparent::read).map(|parent| {
            let state = state.and_then(|state| state.parse().ok());
            let (trace, span, flags) = (parent.trace_id(), parent.span_id(), parent.trace_flags());
            SpanContext::new(trace, span, flags, true, state.unwrap_or_default())
        });
        let parent = parent.map_or_else(|| base.clone(), |it| base.with_remote_span_context(it));
        begin(&parent, SpanBuilder::from_name(name).with_kind(SpanKind::Server))
    }

    /// A span of kind `kind` that follows what these `traceparent`s name: it belongs to the trace of
    /// the first that is recorded, and is linked with the others. Nothing when none is recorded.
    pub fn following<'a>(
        &self,
        name: &'static str,
        kind: SpanKind,
        causes: impl Iterator<Item = &'a str>,
    ) -> Span {
        let Some(base) = &self.0 else { return Span::none() };
        let mut recorded: Vec<SpanContext> = Vec::new();
        for cause in causes.filter_map(traceparent::read).filter(SpanContext::is_sampled) {
            if recorded.len() <= LINKS_MAX as usize && recorded.last() != Some(&cause) {
                recorded.push(cause);
            }
        }
        let mut recorded = recorded.into_iter();
        let Some(parent) = recorded.next() else { return Span::none() };
        let builder = SpanBuilder::from_name(name).with_kind(kind);
        let builder = builder.with_links(recorded.map(Link::with_context).collect());
        begin(&base.with_remote_span_context(parent), builder)
    }
}

/// A piece of work under way, or nothing. It ends when it is dropped.
#[derive(Default)]
#[must_use = "a span ends when it is dropped"]
pub struct Span(Option<Context>);

/// The span in which work was asked for; the work's later spans are its children.
#[derive(Clone, Default)]
pub struct Cause(Context);

impl Span {
    /// Records nothing.
    pub const fn none() -> Self {
        Self(None)
    }

    /// A child of this task's current span, if that is recorded.
    pub fn child(name: &'static str) -> Self {
        Context::map_current(|parent| part(parent, name, SpanKind::Internal))
    }

    /// Like [`child`](Self::child), for consuming a message.
    pub fn consumer(name: &'static str) -> Self {
        Context::map_current(|parent| part(parent, name, SpanKind::Consumer))
    }

    /// A child of this span.
    pub fn part(&self, name: &'static str) -> Self {
        self.0.as_ref().map_or(Self::none(), |parent| part(parent, name, SpanKind::Internal))
    }

    /// Whether it is recorded.
    pub fn is_recorded(&self) -> bool {
        self.0.as_ref().is_some_and(is_recorded)
    }

    /// Sets an attribute. Never the user, nor their text.
    pub fn set(&self, name: &'static str, value: impl Into<Value>) {
        if let Some(context) = &self.0 {
            context.span().set_attribute(KeyValue::new(name, value));
        }
    }

    /// Gives it a name that is known only now.
    pub fn rename(&self, name: String) {
        if let Some(context) = &self.0 {
            context.span().update_name(name);
        }
    }

    /// Marks it as failed.
    pub fn fail(&self, why: &impl Display) {
        if let Some(context) = &self.0 {
            context.span().set_status(Status::error(why.to_string()));
        }
    }

    /// Links this span to another.
    pub fn link(&self, other: &Self) {
        if let (Some(context), Some(other)) = (&self.0, &other.0) {
            context.span().add_link(other.span().span_context().clone(), Vec::new());
        }
    }

    /// Makes it the current one of `work`.
    pub async fn around<F: Future>(&self, work: F) -> F::Output {
        match &self.0 {
            Some(context) => work.with_context(context.clone()).await,
            None => work.await,
        }
    }

    /// Makes it the current one of this thread until the guard is dropped.
    pub fn enter(&self) -> Option<ContextGuard> {
        self.0.clone().map(Context::attach)
    }
}

impl Drop for Span {
    fn drop(&mut self) {
        if let Some(context) = &self.0 {
            context.span().end();
        }
    }
}

impl Cause {
    /// The span of this task now.
    pub fn current() -> Self {
        Self(Context::current())
    }

    /// A child of it, if it is recorded.
    pub fn part(&self, name: &'static str) -> Span {
        part(&self.0, name, SpanKind::Internal)
    }

    /// Its `traceparent`; `None` when there is no trace.
    pub fn traceparent(&self) -> Option<String> {
        let span = self.0.span();
        let context = span.span_context();
        context.is_valid().then(|| traceparent::write(context))
    }
}

/// The id of this task's current trace, for log lines.
pub fn current_trace() -> Option<String> {
    Context::map_current(|context| {
        let span = context.span();
        let context = span.span_context();
        context.is_valid().then(|| context.trace_id().to_string())
    })
}

fn is_recorded(context: &Context) -> bool {
    context.has_active_span() && context.span().span_context().is_sampled()
}

fn part(parent: &Context, name: &'static str, kind: SpanKind) -> Span {
    if is_recorded(parent) {
        begin(parent, SpanBuilder::from_name(name).with_kind(kind))
    } else {
        Span::none()
    }
}

fn begin(parent: &Context, builder: SpanBuilder) -> Span {
    let tracer = parent.get::<SdkTracer>();
    Span(tracer.map(|tracer| parent.with_span(tracer.build_with_context(builder, parent))))
}
