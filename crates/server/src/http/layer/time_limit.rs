//! How long an answer may take.

use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use axum::response::{IntoResponse as _, Response};

use crate::http::code::Code;
use crate::http::error::ApiError;
use crate::http::route::{Method, Route};

/// Answers a request that takes too long with an error. A write may have been done by then.
pub(crate) async fn in_time(
    limit: Duration,
    route: &Route,
    answer: impl Future<Output = Response>,
) -> Response {
    let mut answer = pin!(answer);
    // An answer that waits for nothing needs no timer.
    if let Poll::Ready(response) = futures_util::poll!(&mut answer) {
        return response;
    }
    match tokio::time::timeout(limit, answer).await {
        Ok(response) => response,
        Err(_) if route.method == Method::Get => ApiError::new(Code::Overloaded).into_response(),
        Err(_) => ApiError::new(Code::OutcomeUnknown).into_response(),
    }
}
