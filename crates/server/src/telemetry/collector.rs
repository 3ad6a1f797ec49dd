//! Sends ended spans to the collector: a bounded queue, a task that empties it, OTLP over HTTP.
//!
//! A request never waits for any of it. A span that finds the queue full, or that the collector has
//! not taken after three more tries or 5 s, is dropped and counted: no sale may wait for a trace.

mod lost;
mod client;

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, Uri};
use opentelemetry::trace::TracerProvider as _;
use opentelemetry::{Context, KeyValue};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{
    Sampler, SdkTracerProvider, Span, SpanData, SpanExporter as _, SpanProcessor,
};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

use client::CollectorClient;
use lost::{BATCH_MAX, Lost};

use crate::config::Config;
use poltrona_engine::Env;
use poltrona_engine::backoff::WORK;
use poltrona_engine::env::ids::Ids;
use poltrona_engine::observe::metrics::Metrics;
use poltrona_engine::observe::traces::{LINKS_MAX, Traces};
use poltrona_engine::tls::Tls;

/// How many ended spans may wait: at 2,000 sales a second with all of them recorded, half a second.
const QUEUE_MAX: usize = 8_192;
/// How long the first span of a message waits for others.
const LINGER: Duration = Duration::from_secs(1);
/// How long a message may take, tries again included.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(5);
const TOO_MANY: &str = "they end faster than the collector takes them";

/// The task that sends spans, to be ended after everything that makes any.
pub struct Collecting {
    task: TaskTracker,
    stop: CancellationToken,
}

impl Collecting {
    /// No task to end.
    fn nothing() -> Self {
        Self { task: TaskTracker::new(), stop: CancellationToken::new() }
    }

    /// Sends the spans that wait, within `grace` and the time-out of a message, and ends.
    pub async fn stop(self, grace: Duration) {
        self.stop.cancel();
        self.task.close();
        let _ = timeout(grace.min(EXPORT_TIMEOUT), self.task.wait()).await;
    }
}

/// Traces as configured: off without a collector. The caller ends the second part last.
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
    // A `traceparent` carries its caller's decision, and a trace with holes is worth little.
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

/// Queues spans when they end.
#[derive(Debug)]
struct Queue {
    spans: mpsc::Sender<SpanData>,
    lost: Arc<Lost>,
}

/// Starts the task that sends spans of `resource` to the collector at `endpoint`, a URL without the
/// signal's path.
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
    let lost = Arc::new(Lost::new(Arc::clone(metrics)));
    let client = CollectorClient::new(tls, headers, Arc::clone(&lost));
    let mut exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(client.clone())
        .with_endpoint(url.to_string())
        .with_protocol(Protocol::HttpBinary)
        .with_timeout(EXPORT_TIMEOUT)
        .build()?;
    exporter.set_resource(resource);
    let sending = SendTask {
        exporter,
        client,
        collector: url.authority().map(ToString::to_string).unwrap_or_default(),
        ids: ids.clone(),
        lost: Arc::clone(&lost),
        reported: 0,
        losing: false,
    };
    let collecting = Collecting::nothing();
    collecting.task.spawn(sending.run(spans, collecting.stop.clone()));
    Ok((Queue { spans: sender, lost }, collecting))
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

/// The task that sends spans.
struct SendTask {
    exporter: SpanExporter,
    client: CollectorClient,
    /// The collector's host and port.
    collector: String,
    ids: Ids,
    lost: Arc<Lost>,
    /// How many were lost at the last report.
    reported: u64,
    /// Whether spans are being lost, as far as the log knows.
    losing: bool,
}

impl SendTask {
    /// Sends spans until stopped, and then those that are left.
    async fn run(mut self, mut spans: mpsc::Receiver<SpanData>, stop: CancellationToken) {
        while let Some(batch) = gather(&mut spans, &stop).await {
            let size = batch.len();
            let sent = timeout(EXPORT_TIMEOUT, self.exporter.export(batch)).await;
            let reason = self.client.take_failure();
            let is_sent = matches!(sent, Ok(Ok(())));
            if !is_sent {
                self.lost.count(size);
            }
            let too_long = (!is_sent).then(|| "it took too long".to_owned());
            self.report(reason.or(too_long));
            if !is_sent {
                stop.run_until_cancelled(sleep(WORK.wait(&self.ids))).await;
            }
        }
    }

    /// Logs a line when spans begin to be lost, for any reason, and one when they arrive again.
    fn report(&mut self, reason: Option<String>) {
        let total = self.lost.total();
        let losing = total > self.reported;
        self.reported = total;
        if losing == std::mem::replace(&mut self.losing, losing) {
            return;
        }
        let collector = &self.collector;
        if losing {
            let error = reason.unwrap_or_else(|| TOO_MANY.to_owned());
            warn!(target: "telemetry", collector, error, "spans are being dropped");
        } else {
            info!(target: "telemetry", collector, "spans arrive again");
        }
    }
}

/// Waits for spans, and then a little for more; after `stop` takes those that wait. `None` when
/// none is left and none will come.
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
    fn a_span_that_finds_the_queue_full_is_dropped_and_counted() {
        let metrics = Arc::new(Metrics::new().unwrap());
        let (sender, mut spans) = mpsc::channel(1);
        let lost = Arc::new(Lost::new(Arc::clone(&metrics)));
        let queue = Queue { spans: sender, lost: Arc::clone(&lost) };
        let provider = SdkTracerProvider::builder().with_span_processor(queue).build();
        let tracer = provider.tracer("test");
        for name in ["first", "second", "third"] {
            drop(tracer.start(name));
        }
        assert_eq!(spans.try_recv().unwrap().name, "first");
        assert!(spans.try_recv().is_err());
        assert_eq!(lost.total(), 2);
        let page = metrics.render(&Readings::default());
        assert!(page.contains("poltrona_spans_dropped_total 2"), "{page}");
    }
}
