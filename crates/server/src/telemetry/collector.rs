//! The way of ended spans to the collector: a bounded queue, a task that empties it, OTLP over HTTP.
//!
//! A request never waits for any of it. What finds the queue full, and what the collector does not
//! take the first time, is dropped and counted: a trace is a convenience, and a sale is not.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Uri, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use opentelemetry::trace::TracerProvider as _;
use opentelemetry::{Context, KeyValue};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::transform::common::tonic::ResourceAttributesWithSchema;
use opentelemetry_proto::transform::trace::tonic::group_spans_by_resource_and_scope;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider, Span, SpanData, SpanProcessor};
use prost::Message as _;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

use crate::config::Config;
use poltrona_engine::Env;
use poltrona_engine::backoff::WORK;
use poltrona_engine::env::ids::Ids;
use poltrona_engine::observe::metrics::Metrics;
use poltrona_engine::observe::traces::{LINKS_MAX, Traces};
use poltrona_engine::tls::Tls;

/// How many ended spans may wait: at 2,000 sales a second with all of them recorded, half a second.
const QUEUE_MAX: usize = 8_192;
/// How many spans one message to the collector carries at most.
const BATCH_MAX: usize = 512;
/// How long the first span of a message waits for others.
const LINGER: Duration = Duration::from_secs(1);
/// How long the collector may take to answer.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(5);
/// How much of an answer is read.
const ANSWER_MAX_BYTES: usize = 64 * 1024;
const PROTOBUF: &str = "application/x-protobuf";
const PROGRAM: &str = concat!("poltrona/", env!("CARGO_PKG_VERSION"));
const TOO_MANY: &str = "they end faster than the collector takes them";

/// The task that tells the collector, to be ended after everything that has spans.
pub struct Collecting {
    task: TaskTracker,
    stop: CancellationToken,
}

impl Collecting {
    /// Nothing that would have to be ended.
    fn nothing() -> Self {
        Self { task: TaskTracker::new(), stop: CancellationToken::new() }
    }

    /// Sends what waits, for as long as `grace` and the patience with one message allow, and ends.
    pub async fn stop(self, grace: Duration) {
        self.stop.cancel();
        self.task.close();
        let _ = timeout(grace.min(EXPORT_TIMEOUT), self.task.wait()).await;
    }
}

/// Traces as configured: off without a collector. Whoever gets the second part ends it last.
pub fn traces(
    config: &Config,
    tls: &Tls,
    env: &Env,
    metrics: &Arc<Metrics>,
) -> anyhow::Result<(Traces, Collecting)> {
    let Some(endpoint) = &config.otlp_endpoint else {
        return Ok((Traces::off(), Collecting::nothing()));
    };
    let resource = Resource::builder_empty().with_attributes([
        KeyValue::new("service.name", "poltrona"),
        KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
        KeyValue::new("service.instance.id", env.ids.fresh().to_string()),
    ]);
    let resource = resource.build();
    let (queue, collecting) =
        start(endpoint, config.otlp_headers(), tls, &env.ids, &resource, metrics)?;
    // Whoever sends a `traceparent` has decided already, and a trace with holes is worth little.
    let share = f64::from(config.otlp_sample_percent) / 100.0;
    let sampler = Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(share)));
    let provider = SdkTracerProvider::builder()
        .with_sampler(sampler)
        .with_max_links_per_span(LINKS_MAX)
        .with_resource(resource)
        .with_span_processor(queue)
        .build();
    Ok((Traces::to(provider.tracer("poltrona")), collecting))
}

/// Where spans go when they end.
#[derive(Debug)]
struct Queue {
    spans: mpsc::Sender<SpanData>,
    lost: Arc<Lost>,
}

/// How many spans nobody will see.
struct Lost {
    total: AtomicU64,
    metrics: Arc<Metrics>,
}

/// Starts telling the collector at `endpoint`, a URL without the signal's path, about `resource`.
fn start(
    endpoint: &str,
    headers: HeaderMap,
    tls: &Tls,
    ids: &Ids,
    resource: &Resource,
    metrics: &Arc<Metrics>,
) -> anyhow::Result<(Queue, Collecting)> {
    let url: Uri = format!("{}/v1/traces", endpoint.trim_end_matches('/')).parse()?;
    let (sender, spans) = mpsc::channel(QUEUE_MAX);
    let lost = Arc::new(Lost { total: AtomicU64::new(0), metrics: Arc::clone(metrics) });
    let exporter = Exporter {
        client: client(tls),
        url,
        headers,
        ids: ids.clone(),
        resource: resource.into(),
        lost: Arc::clone(&lost),
        told: 0,
        losing: false,
    };
    let collecting = Collecting::nothing();
    collecting.task.spawn(exporter.run(spans, collecting.stop.clone()));
    Ok((Queue { spans: sender, lost }, collecting))
}

/// A client of HTTP, and of HTTPS by the program's own trust.
fn client(tls: &Tls) -> Client<HttpsConnector<HttpConnector>, Full<Bytes>> {
    let connector = HttpsConnectorBuilder::new().with_tls_config((*tls.config()).clone());
    let connector = connector.https_or_http().enable_http1().build();
    Client::builder(TokioExecutor::new()).pool_timer(TokioTimer::new()).build(connector)
}

impl Lost {
    fn count(&self, spans: usize) {
        let spans = u64::try_from(spans).unwrap_or(u64::MAX);
        self.total.fetch_add(spans, Ordering::Relaxed);
        self.metrics.spans_dropped(spans);
    }
}

impl fmt::Debug for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.total.fmt(f)
    }
}

impl SpanProcessor for Queue {
    fn on_start(&self, _: &mut Span, _: &Context) {}

    fn on_end(&self, span: SpanData) {
        if self.spans.try_send(span).is_err() {
            self.lost.count(1);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

struct Exporter {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    url: Uri,
    /// What the collector wants with each message.
    headers: HeaderMap,
    ids: Ids,
    resource: ResourceAttributesWithSchema,
    lost: Arc<Lost>,
    /// How many were lost when it was looked at last.
    told: u64,
    /// Whether spans are being lost, as far as the log knows.
    losing: bool,
}

impl Exporter {
    /// Sends spans until told to stop, and then what is left.
    async fn run(mut self, mut spans: mpsc::Receiver<SpanData>, stop: CancellationToken) {
        while let Some(batch) = gather(&mut spans, &stop).await {
            let size = batch.len();
            let sent = timeout(EXPORT_TIMEOUT, self.send(batch)).await;
            let outcome = sent.unwrap_or_else(|_| Err(anyhow::anyhow!("it took too long")));
            if outcome.is_err() {
                self.lost.count(size);
            }
            self.tell(outcome.as_ref().err());
            if outcome.is_err() {
                stop.run_until_cancelled(sleep(WORK.wait(&self.ids))).await;
            }
        }
    }

    async fn send(&self, batch: Vec<SpanData>) -> anyhow::Result<()> {
        let resource_spans = group_spans_by_resource_and_scope(batch, &self.resource);
        let body = ExportTraceServiceRequest { resource_spans }.encode_to_vec();
        let mut request = Request::post(&self.url).body(Full::from(body))?;
        let headers = request.headers_mut();
        headers.insert(header::USER_AGENT, HeaderValue::from_static(PROGRAM));
        headers.extend(self.headers.clone());
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(PROTOBUF));
        let response = self.client.request(request).await?;
        let status = response.status();
        // Read to its end, so that the connection can be used again.
        let answer = Limited::new(response.into_body(), ANSWER_MAX_BYTES).collect().await;
        let answer = answer.map_err(anyhow::Error::from_boxed)?.to_bytes();
        anyhow::ensure!(status.is_success(), "it answered {status}");
        let rejected =
            ExportTraceServiceResponse::decode(answer).ok().and_then(|it| it.partial_success);
        let rejected = rejected.map_or(0, |it| usize::try_from(it.rejected_spans).unwrap_or(0));
        self.lost.count(rejected);
        Ok(())
    }

    /// One line when spans begin to be lost, for whatever reason, and one when it is over.
    fn tell(&mut self, error: Option<&anyhow::Error>) {
        let total = self.lost.total.load(Ordering::Relaxed);
        let losing = total > self.told;
        self.told = total;
        if losing == std::mem::replace(&mut self.losing, losing) {
            return;
        }
        let collector = self.url.authority().map_or("", |authority| authority.as_str());
        if losing {
            let error = error.map_or_else(|| TOO_MANY.to_owned(), |error| format!("{error:#}"));
            warn!(target: "telemetry", collector, error, "spans are being dropped");
        } else {
            info!(target: "telemetry", collector, "spans arrive again");
        }
    }
}

/// Waits for spans, and then a little for more; once told to stop takes what is there. `None` when
/// nothing is left and nothing will come.
async fn gather(
    spans: &mut mpsc::Receiver<SpanData>,
    stop: &CancellationToken,
) -> Option<Vec<SpanData>> {
    let mut batch = Vec::new();
    if stop.run_until_cancelled(spans.recv_many(&mut batch, BATCH_MAX)).await.is_none() {
        spans.close();
        spans.recv_many(&mut batch, BATCH_MAX).await;
    }
    let full = Instant::now() + LINGER;
    while !batch.is_empty() && batch.len() < BATCH_MAX {
        let left = BATCH_MAX - batch.len();
        let more = stop.run_until_cancelled(timeout_at(full, spans.recv_many(&mut batch, left)));
        if !matches!(more.await, Some(Ok(1..))) {
            break;
        }
    }
    (!batch.is_empty()).then_some(batch)
}

#[cfg(test)]
mod tests {
    use opentelemetry::trace::Tracer as _;

    use super::*;
    use poltrona_engine::observe::metrics::Readings;

    #[test]
    fn what_finds_the_queue_full_is_dropped_and_counted() {
        let metrics = Arc::new(Metrics::new().unwrap());
        let (sender, mut spans) = mpsc::channel(1);
        let lost = Arc::new(Lost { total: AtomicU64::new(0), metrics: Arc::clone(&metrics) });
        let queue = Queue { spans: sender, lost: Arc::clone(&lost) };
        let provider = SdkTracerProvider::builder().with_span_processor(queue).build();
        let tracer = provider.tracer("test");
        for name in ["first", "second", "third"] {
            drop(tracer.start(name));
        }
        assert_eq!(spans.try_recv().unwrap().name, "first");
        assert!(spans.try_recv().is_err());
        assert_eq!(lost.total.load(Ordering::Relaxed), 2);
        let page = metrics.render(&Readings::default());
        assert!(page.contains("poltrona_spans_dropped_total 2"), "{page}");
    }
}
