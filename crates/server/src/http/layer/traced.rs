//! The span of a request, where traces are configured.

use axum::extract::Request;
use axum::response::Response;
use http::{HeaderValue, Method};

use super::around::Routed;
use crate::http::kind::RouteLabel;
use poltrona_engine::observe::traceparent;
use poltrona_engine::observe::traces::{Span, Traces};

/// The routes that machines ask every few seconds.
const UNTRACED: &[&str] = &["/livez", "/readyz", "/metrics"];

/// Records a span for a request that `answering` answers, without its path and query, for they name
/// people.
pub(crate) async fn traced<R: Future<Output = Routed>>(
    traces: &Traces,
    request_id: &HeaderValue,
    request: Request,
    answering: impl FnOnce(Request) -> R,
) -> Routed {
    if UNTRACED.contains(&request.uri().path().trim_end_matches('/')) {
        return answering(request).await;
    }
    let method = known(request.method());
    let span = {
        let text = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
        traces.request(method, text(traceparent::NAME), text(traceparent::STATE))
    };
    if span.is_recorded() {
        span.set("http.request.method", method);
        if let Ok(id) = request_id.to_str() {
            span.set("http.response.header.x-request-id", id.to_owned());
        }
    }
    let (response, route) = span.around(answering(request)).await;
    if span.is_recorded() {
        answered(&span, method, route, &response);
    }
    (response, route)
}

/// Sets the attributes of OpenTelemetry's HTTP conventions; a 4xx is not the server's error.
fn answered(span: &Span, method: &str, route: Option<RouteLabel>, response: &Response) {
    if let Some(RouteLabel { path, .. }) = route {
        span.rename(format!("{method} {path}"));
        span.set("http.route", path);
    }
    span.set("http.response.status_code", i64::from(response.status().as_u16()));
    if response.status().is_server_error() {
        span.fail(&response.status());
    }
}

/// Clients can invent endless methods, and each would be a name of its own.
fn known(method: &Method) -> &'static str {
    const KNOWN: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    KNOWN.into_iter().find(|name| *name == method.as_str()).unwrap_or("_OTHER")
}
