//! A collector of traces: takes OTLP over HTTP, and keeps what it gets for a story to look at.

#![allow(clippy::unwrap_used, reason = "helpers fail their test as well as tests do")]

use std::collections::BTreeMap;
use std::future::pending;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1 as otlp;
use prost::Message as _;
use tokio::net::TcpListener;

/// A collector on a port of its own, for as long as the story runs.
pub(crate) struct Collector {
    url: String,
    got: Arc<Mutex<Vec<Bytes>>>,
}

/// A span as it arrived, ids in hex.
#[derive(Clone, Debug)]
pub(crate) struct Span {
    pub(crate) name: String,
    pub(crate) trace: String,
    pub(crate) id: String,
    pub(crate) parent: String,
    pub(crate) kind: otlp::span::SpanKind,
    pub(crate) failed: bool,
    pub(crate) attributes: BTreeMap<String, String>,
    /// The trace and the span of each.
    pub(crate) links: Vec<(String, String)>,
    pub(crate) state: String,
    /// When it began and ended, in nanoseconds.
    pub(crate) time: (u64, u64),
    /// The attributes of the whole program.
    pub(crate) resource: BTreeMap<String, String>,
}

impl Collector {
    /// One that takes every message.
    pub(crate) async fn start() -> Self {
        Self::with(post(async |State(got): State<Got>, body: Bytes| got.lock().unwrap().push(body)))
            .await
    }

    /// One that takes a message, and never answers.
    pub(crate) async fn hanging() -> Self {
        Self::with(post(async |State(got): State<Got>, body: Bytes| {
            got.lock().unwrap().push(body);
            pending::<()>().await;
        }))
        .await
    }

    /// One that takes a message, and reports that it rejected this many of its spans.
    pub(crate) async fn rejecting(spans: i64) -> Self {
        Self::with(post(async move |State(got): State<Got>, body: Bytes| {
            got.lock().unwrap().push(body);
            let partial = ExportTracePartialSuccess { rejected_spans: spans, ..Default::default() };
            ExportTraceServiceResponse { partial_success: Some(partial) }.encode_to_vec()
        }))
        .await
    }

    /// One that is too busy for the first message, and takes it when it comes again.
    pub(crate) async fn busy_at_first() -> Self {
        Self::with(post(async |State(got): State<Got>, body: Bytes| {
            let mut got = got.lock().unwrap();
            let is_first = got.is_empty();
            got.push(body);
            if is_first { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK }
        }))
        .await
    }

    async fn with(take: axum::routing::MethodRouter<Got>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let got = Got::default();
        let router = Router::new().route("/v1/traces", take).with_state(Arc::clone(&got));
        #[expect(clippy::disallowed_methods, reason = "it ends with the story's runtime")]
        tokio::spawn(async { axum::serve(listener, router).await });
        Self { url, got }
    }

    /// The endpoint to configure.
    pub(crate) fn url(&self) -> String {
        self.url.clone()
    }

    /// How many messages came.
    pub(crate) fn messages(&self) -> usize {
        self.got.lock().unwrap().len()
    }

    /// The first two messages, as they came.
    pub(crate) fn first_two(&self) -> (Bytes, Bytes) {
        let got = self.got.lock().unwrap();
        (got[0].clone(), got[1].clone())
    }

    /// Every byte that came, as text.
    pub(crate) fn raw(&self) -> String {
        String::from_utf8_lossy(&self.got.lock().unwrap().concat()).into_owned()
    }

    /// The spans that came so far, those that began first in front.
    pub(crate) fn spans(&self) -> Vec<Span> {
        let got = self.got.lock().unwrap().clone();
        let requests = got.into_iter().map(|body| ExportTraceServiceRequest::decode(body).unwrap());
        let mut spans: Vec<_> = requests
            .flat_map(|request| request.resource_spans)
            .flat_map(|of| {
                let resource = attributes(of.resource.map(|it| it.attributes).unwrap_or_default());
                let spans = of.scope_spans.into_iter().flat_map(|scope| scope.spans);
                spans.map(move |span| read(span, resource.clone()))
            })
            .collect();
        spans.sort_by_key(|span| span.time);
        spans
    }
}

type Got = Arc<Mutex<Vec<Bytes>>>;

fn read(span: otlp::Span, resource: BTreeMap<String, String>) -> Span {
    let link = |link: otlp::span::Link| (hex(&link.trace_id), hex(&link.span_id));
    Span {
        trace: hex(&span.trace_id),
        id: hex(&span.span_id),
        parent: hex(&span.parent_span_id),
        kind: span.kind(),
        failed: span.status.is_some_and(|status| status.code() == otlp::status::StatusCode::Error),
        name: span.name,
        attributes: attributes(span.attributes),
        links: span.links.into_iter().map(link).collect(),
        state: span.trace_state,
        time: (span.start_time_unix_nano, span.end_time_unix_nano),
        resource,
    }
}

fn attributes(list: Vec<KeyValue>) -> BTreeMap<String, String> {
    let text = |value: Option<AnyValue>| match value.and_then(|value| value.value) {
        Some(Any::StringValue(text)) => text,
        Some(Any::IntValue(number)) => number.to_string(),
        other => format!("{other:?}"),
    };
    list.into_iter().map(|it| (it.key, text(it.value))).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
}
