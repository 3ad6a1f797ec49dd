//! Counting requests, and a line of the log for each.

use http::{HeaderValue, Method, StatusCode};
use tokio::time::Instant;

use crate::http::code::Code;
use crate::http::kind::{Kind, RouteLabel};
use crate::http::request_log::Answered;
use crate::http::state::App;

/// Counts a request that was answered, and logs it.
pub(crate) fn answered(
    app: &App,
    method: &Method,
    (route, status, code): (Option<RouteLabel>, StatusCode, Option<Code>),
    request_id: &HeaderValue,
    started: Instant,
) {
    let at = Instant::now();
    let took = at.saturating_duration_since(started);
    let kind = Kind::new(method, route.unwrap_or(RouteLabel::UNMATCHED), status, code);
    app.meters.request(kind, took);
    let request_id = request_id.to_str().unwrap_or("-");
    app.request_log.answered(&Answered { kind, request_id, took, at });
}
