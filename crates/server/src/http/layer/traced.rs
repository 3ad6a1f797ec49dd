//! The span of a request. This layer is added only where traces are configured.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::Method;

use super::around::template_of;
use super::identify::REQUEST_ID;
use crate::http::state::SharedApp;
use poltrona_engine::observe::traceparent;
use poltrona_engine::observe::traces::Span;

/// The routes that machines ask every few seconds.
const UNTRACED: &[&str] = &["/livez", "/readyz", "/metrics"];

/// Records a span for a request, without its path and query, for they name people.
pub(crate) async fn traced(State(app): State<SharedApp>, request: Request, next: Next) -> Response {
    if UNTRACED.contains(&request.uri().path().trim_end_matches('/')) {
        return next.run(request).await;
    }
    let method = known(request.method());
    let span = {
        let text = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
        app.engine.traces.request(method, text(traceparent::NAME), text(traceparent::STATE))
    };
    if span.is_recorded() {
        span.set("http.request.method", method);
        if let Some(id) = request.headers().get(REQUEST_ID).and_then(|id| id.to_str().ok()) {
            span.set("http.response.header.x-request-id", id.to_owned());
        }
    }
    let response = span.around(next.run(request)).await;
    let route = template_of(&response);
    if span.is_recorded() {
        answered(&span, method, route, &response);
    }
    response
}

/// Sets the attributes of OpenTelemetry's HTTP conventions; a 4xx is not the server's error.
fn answered(span: &Span, method: &str, route: Option<&'static str>, response: &Response) {
    if let Some(route) = route {
        span.rename(format!("{method} {route}"));
        span.set("http.route", route);
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
