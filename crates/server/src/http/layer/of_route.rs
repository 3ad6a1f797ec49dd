//! The layers that a route's row asks for around its handler.

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use http::{HeaderValue, StatusCode, header};

use super::compress::{self, Kind};
use super::{etag, time_limit};
use crate::http::call::Call;
use crate::http::preferences::Preferences;
use crate::http::route::{Caching, Route};

/// Answers a request of a row: applies the time limit, tags and compresses the answer.
pub(crate) async fn of_route(route: &'static Route, request: Request, call: Call) -> Response {
    let preferences = Preferences::of(request.headers());
    let limit = call.app.config.request_timeout;
    let answering = (route.handler.answer)(request, call);
    let response = if route.is_limited {
        time_limit::in_time(limit, route, answering).await
    } else {
        answering.await
    };
    represented(response, &preferences, route.caching, Kind::Fresh).await
}

/// Tags and compresses the pages of the documentation, which have no row.
pub(crate) async fn of_document(request: Request, next: Next) -> Response {
    let preferences = Preferences::of(request.headers());
    let response = next.run(request).await;
    let mut response = represented(response, &preferences, Caching::Public, Kind::Document).await;
    response.extensions_mut().insert(IsDocument);
    response
}

/// The mark of an answer that is a page of the documentation.
#[derive(Clone, Copy)]
pub(crate) struct IsDocument;

/// Tags the answer, and compresses it. One that came with its tag is complete.
async fn represented(
    mut response: Response,
    preferences: &Preferences,
    caching: Caching,
    kind: Kind,
) -> Response {
    let is_complete = response.headers().contains_key(header::ETAG);
    if caching.is_tagged() && (response.status() == StatusCode::OK || is_complete) {
        if !is_complete {
            response = etag::tagged(response, preferences).await;
        }
        let control = HeaderValue::from_static(caching.control());
        response.headers_mut().insert(header::CACHE_CONTROL, control);
    }
    if preferences.gzip && !is_complete {
        compress::compressed(response, kind).await
    } else {
        response
    }
}
