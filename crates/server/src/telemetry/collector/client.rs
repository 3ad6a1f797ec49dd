//! The HTTP client under the exporter of spans.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, header};
use http_body_util::{BodyExt as _, Collected, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use opentelemetry_http::{HttpClient, HttpError};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use poltrona_engine::tls::Tls;
use prost::Message as _;

use super::lost::{BATCH_MAX, Lost};

/// The most bytes of an answer that are read.
const ANSWER_MAX_BYTES: usize = 64 * 1024;
const PROTOBUF: &str = "application/x-protobuf";
const PROGRAM: &str = concat!("poltrona/", env!("CARGO_PKG_VERSION"));

/// The client that the exporter sends with. It trusts the program's authorities, sends only the
/// configured headers, counts the spans that the collector rejects, and keeps the reason of a
/// failure, which the exporter drops.
#[derive(Clone, Debug)]
pub(super) struct CollectorClient {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    headers: HeaderMap,
    lost: Arc<Lost>,
    failure: Arc<Mutex<Option<String>>>,
}

impl CollectorClient {
    pub(super) fn new(tls: &Tls, mut headers: HeaderMap, lost: Arc<Lost>) -> Self {
        let mut tcp = HttpConnector::new();
        // The scheme is the URL's, and each message is sent whole.
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        let connector = HttpsConnectorBuilder::new().with_tls_config((*tls.config()).clone());
        let connector = connector.https_or_http().enable_http1().wrap_connector(tcp);
        let client =
            Client::builder(TokioExecutor::new()).pool_timer(TokioTimer::new()).build(connector);
        headers.entry(header::USER_AGENT).or_insert(HeaderValue::from_static(PROGRAM));
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(PROTOBUF));
        Self { client, headers, lost, failure: Arc::default() }
    }

    async fn send(&self, mut request: Request<Bytes>) -> anyhow::Result<Response<Bytes>> {
        // The exporter adds headers from variables of its own; only its compression is taken.
        let encoding = request.headers_mut().remove(header::CONTENT_ENCODING);
        request.headers_mut().clone_from(&self.headers);
        request.headers_mut().extend(encoding.map(|it| (header::CONTENT_ENCODING, it)));
        let (head, body) = self.client.request(request.map(Full::from)).await?.into_parts();
        // Read to its end, so that the connection can be used again. The status says whether the
        // message was taken, even if the rest is too long or breaks off.
        let body = Limited::new(body, ANSWER_MAX_BYTES).collect().await;
        let body = body.map(Collected::to_bytes).unwrap_or_default();
        Ok(Response::from_parts(head, body))
    }

    /// Counts the spans that the collector rejects; returns why spans are lost, if any are.
    fn judge(&self, answer: &anyhow::Result<Response<Bytes>>) -> Option<String> {
        match answer {
            Ok(answer) if answer.status().is_success() => {
                let rejected = rejected(answer.body().clone());
                self.lost.count(rejected);
                (rejected > 0).then(|| format!("it rejected {rejected} of a message's spans"))
            }
            Ok(answer) => Some(format!("it answered {}", answer.status())),
            Err(error) => Some(format!("{error:#}")),
        }
    }

    /// The reason why spans of the last message are lost, once.
    pub(super) fn take_failure(&self) -> Option<String> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

#[async_trait]
impl HttpClient for CollectorClient {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let answer = self.send(request).await;
        let failure = self.judge(&answer);
        *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = failure;
        Ok(answer?)
    }
}

/// How many spans of a message the collector rejects, by its answer; at most as many as a message
/// can have.
fn rejected(answer: Bytes) -> usize {
    let answer = ExportTraceServiceResponse::decode(answer).ok();
    let rejected = answer.and_then(|it| it.partial_success).map_or(0, |it| it.rejected_spans);
    usize::try_from(rejected).unwrap_or(0).min(BATCH_MAX)
}
