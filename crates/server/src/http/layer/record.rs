//! Counting requests, and a line of the log for each.

use std::time::Duration;

use axum::response::Response;
use http::{HeaderValue, Method};

use crate::http::code::Code;
use crate::http::request_log::Answered;
use crate::http::state::App;

/// The route of a request whose path matched none.
const UNMATCHED: &str = "unmatched";

/// Counts a request that was answered, and logs it.
pub(crate) fn answered(
    app: &App,
    method: &Method,
    (response, route, code): (&Response, Option<&'static str>, Option<Code>),
    request_id: &HeaderValue,
    took: Duration,
) {
    let (method, status) = (label(method), response.status());
    let route = route.unwrap_or(UNMATCHED);
    app.meters.request(route, method, status.as_u16(), took);
    let request_id = request_id.to_str().unwrap_or("-");
    app.request_log.answered(&Answered { method, route, status, code, request_id, took });
}

/// The method as a label. Clients can invent endless methods, and a label is kept for good.
fn label(method: &Method) -> &'static str {
    const KNOWN: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    KNOWN.into_iter().find(|name| *name == method.as_str()).unwrap_or("other")
}
