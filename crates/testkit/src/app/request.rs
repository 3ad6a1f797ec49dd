//! A request to a box office in this process.

use std::future::{Future, IntoFuture};
use std::pin::Pin;

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Uri, header};
use http_body_util::BodyExt as _;
use poltrona::http::Router;
use serde_json::Value;
use tokio::task::JoinSet;

use super::answer::Answer;

/// A request. It is sent when it is awaited, once, and may be sent from any task.
#[derive(Clone)]
#[must_use = "it is sent when it is awaited"]
pub struct Request {
    router: Router,
    method: Method,
    uri: Uri,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Bytes,
}

impl Request {
    pub(super) fn new(router: Router, method: &str, path: &str) -> Self {
        let method = method.parse().expect("a method");
        let uri = path.parse().unwrap_or_else(|error| panic!("{path}: {error}"));
        Self { router, method, uri, headers: Vec::new(), body: Bytes::new() }
    }

    /// Adds a header.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        let name = name.parse().expect("a header's name");
        self.headers.push((name, HeaderValue::from_str(value).expect("a header's value")));
        self
    }

    /// Asks for texts in English.
    pub fn english(self) -> Self {
        self.header("accept-language", "en")
    }

    /// Adds an idempotency key.
    pub fn key(self, key: &str) -> Self {
        self.header("idempotency-key", key)
    }

    /// A body declared as JSON, whether or not it is.
    pub fn raw(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self.header(header::CONTENT_TYPE.as_str(), "application/json")
    }

    /// A body without a content type.
    pub fn untyped(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// A JSON body.
    pub fn json(self, body: &Value) -> Self {
        self.raw(body.to_string())
    }

    async fn send(self) -> Answer {
        let mut request =
            http::Request::builder().method(self.method.clone()).uri(self.uri.clone());
        if !self.headers.iter().any(|(name, _)| name == header::HOST) {
            request = request.header(header::HOST, "cinema.example");
        }
        for (name, value) in self.headers {
            request = request.header(name, value);
        }
        let request = request.body(Body::from(self.body)).expect("a request");
        let response = self.router.answer(request).await;
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.expect("a body that can be read").to_bytes();
        let path = self.uri.path_and_query().map_or("/", |path| path.as_str());
        Answer::new((&self.method, path), parts.status, parts.headers, bytes)
    }
}

impl IntoFuture for Request {
    type Output = Answer;
    type IntoFuture = Pin<Box<dyn Future<Output = Answer> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.send())
    }
}

/// Sends all of them, each from a task of its own.
pub async fn at_once(requests: impl IntoIterator<Item = Request>) -> Vec<Answer> {
    let mut tasks = JoinSet::new();
    for request in requests {
        tasks.spawn(request.into_future());
    }
    tasks.join_all().await
}
