//! The HTTP client of the commands that call a running server.

use std::error::Error;
use std::future::Future;
use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use http::{Request, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::client::legacy::Client as Pool;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::runtime::Builder;

use crate::failure::Failure;

/// The longest answer that is read: a session of 10,000 seats is about 1 MB.
const LONGEST_ANSWER: usize = 4 * 1024 * 1024;

/// The answer of a server.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) body: Bytes,
}

/// Connections that are kept between requests.
pub(super) struct Client {
    pool: Pool<HttpConnector, Full<Bytes>>,
    limit: Duration,
}

impl Client {
    /// A client that waits for an answer no longer than `limit`.
    pub(super) fn new(limit: Duration) -> Self {
        let mut tcp = HttpConnector::new();
        tcp.set_nodelay(true);
        Self { pool: Pool::builder(TokioExecutor::new()).build(tcp), limit }
    }

    /// Sends a request and reads the whole answer; the error says why there is none, as part of a
    /// sentence.
    pub(super) async fn send(&self, request: Request<Full<Bytes>>) -> Result<Answer, String> {
        let exchange = async {
            let answer = self.pool.request(request).await.map_err(|error| root(&error))?;
            let (head, body) = answer.into_parts();
            let body = Limited::new(body, LONGEST_ANSWER);
            let body = body.collect().await.map_err(|error| root(&*error))?.to_bytes();
            Ok(Answer { status: head.status, body })
        };
        match tokio::time::timeout(self.limit, exchange).await {
            Ok(outcome) => outcome,
            Err(_) => Err(format!("no answer within {} s", self.limit.as_secs())),
        }
    }
}

/// Reads the address of a server as an argument. The program speaks no TLS yet.
pub(super) fn address(text: &str) -> Result<Uri, String> {
    const WANTED: &str = "write it as http://127.0.0.1:3000";
    let uri: Uri = text.parse().map_err(|error| format!("{error}; {WANTED}"))?;
    match (uri.scheme_str(), uri.authority()) {
        (_, Some(authority)) if authority.as_str().contains('@') => {
            Err(format!("it names a user, and the server knows none; {WANTED}"))
        }
        (Some("http"), Some(_)) => Ok(uri),
        (Some("https"), _) => Err(format!("https is not spoken yet; {WANTED}")),
        _ => Err(format!("it has no scheme and host; {WANTED}")),
    }
}

/// The address of a path on a server.
pub(super) fn on(server: &Uri, path: &str) -> String {
    let base = server.to_string();
    format!("{}{path}", base.trim_end_matches('/'))
}

/// Runs a task that only waits for the network.
pub(super) fn run(task: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let runtime = Builder::new_current_thread().enable_all().build();
    runtime.context("cannot start the network")?.block_on(task)
}

/// The innermost cause, the one that people understand: `Connection refused`.
fn root(error: &dyn Error) -> String {
    match error.source() {
        Some(cause) => root(cause),
        None => error.to_string(),
    }
}
