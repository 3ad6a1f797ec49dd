//! Counting requests, and a line of the log for each.

use std::time::Duration;

use axum::response::Response;
use http::{HeaderValue, Method};
use tracing::{debug, error, info, warn};

use crate::http::meters::HttpMeters;

/// Counts a request that was answered, and logs it. `route` is the template of its path, `-` for one
/// that matched none.
pub(crate) fn answered(
    meters: &HttpMeters,
    route: &'static str,
    method: &Method,
    response: &Response,
    request_id: &HeaderValue,
    took: Duration,
) {
    meters.request(route, label(method), response.status().as_u16(), took);
    log(route, method, response, request_id, took);
}

/// The method as a label. Clients can make methods up without end, and a label is kept for good.
fn label(method: &Method) -> &'static str {
    const KNOWN: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    KNOWN.into_iter().find(|name| *name == method.as_str()).unwrap_or("other")
}

/// One line a request: what people do at info, what they get wrong at debug, what they must try again
/// at warn, our faults at error. The route's template stands for the path, so that no user's id comes into the log.
fn log(
    route: &str,
    method: &Method,
    response: &Response,
    request_id: &HeaderValue,
    took: Duration,
) {
    let status = response.status().as_u16();
    let ms = took.as_secs_f64() * 1e3;
    let request_id = request_id.to_str().unwrap_or("-");
    match status {
        503 => warn!(target: "http", request_id, "{method} {route} {status} {ms:.1} ms"),
        500.. => error!(target: "http", request_id, "{method} {route} {status} {ms:.1} ms"),
        400.. => debug!(target: "http", request_id, "{method} {route} {status} {ms:.1} ms"),
        _ => info!(target: "http", request_id, "{method} {route} {status} {ms:.1} ms"),
    }
}
