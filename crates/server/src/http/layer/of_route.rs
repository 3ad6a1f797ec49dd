//! The layers that a route's row asks for around its handler.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::{StatusCode, header};

use super::{etag, time_limit};
use crate::http::route::{Caching, Route, Template};
use crate::http::state::SharedApp;

/// The template under which all pages of the documentation are counted.
const DOCUMENT: &str = "/api/docs";

/// Keeps the time limit, tags the answer, and leaves the row with it for the layers outside.
pub(crate) async fn of_route(
    State((app, route)): State<(SharedApp, &'static Route)>,
    request: Request,
    next: Next,
) -> Response {
    let known_tags = request.headers().get(header::IF_NONE_MATCH).cloned();
    let answering = next.run(request);
    let mut response = if route.is_limited {
        time_limit::in_time(app.config.request_timeout, route, answering).await
    } else {
        answering.await
    };
    if route.caching == Caching::Tagged && response.status() == StatusCode::OK {
        response = etag::tagged(response, known_tags.as_ref()).await;
    }
    response.extensions_mut().insert(Template(route.path));
    response
}

/// The same for the pages of the documentation, which have no row.
pub(crate) async fn of_document(request: Request, next: Next) -> Response {
    let known_tags = request.headers().get(header::IF_NONE_MATCH).cloned();
    let mut response = next.run(request).await;
    if response.status() == StatusCode::OK {
        response = etag::tagged(response, known_tags.as_ref()).await;
    }
    response.extensions_mut().insert(Template(DOCUMENT));
    response
}
