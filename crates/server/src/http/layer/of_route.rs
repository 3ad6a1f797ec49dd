//! The layers that a route's row asks for around its handler.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::{HeaderMap, HeaderValue, StatusCode, header};

use super::compress::{self, Kind};
use super::{etag, time_limit};
use crate::http::negotiation;
use crate::http::route::{Caching, Route, Template};
use crate::http::state::SharedApp;

/// The template under which all pages of the documentation are counted.
const DOCUMENT: &str = "/api/docs";

/// Applies the time limit, tags and compresses the answer, and attaches the row for the layers
/// outside.
pub(crate) async fn of_route(
    State((app, route)): State<(SharedApp, &'static Route)>,
    request: Request,
    next: Next,
) -> Response {
    let preferences = Preferences::of(request.headers());
    let answering = next.run(request);
    let response = if route.is_limited {
        time_limit::in_time(app.config.request_timeout, route, answering).await
    } else {
        answering.await
    };
    let mut response = preferences.apply(response, route.caching, Kind::Fresh).await;
    response.extensions_mut().insert(Template(route.path));
    response
}

/// Tags and compresses the pages of the documentation, which have no row.
pub(crate) async fn of_document(request: Request, next: Next) -> Response {
    let preferences = Preferences::of(request.headers());
    let mut response =
        preferences.apply(next.run(request).await, Caching::Public, Kind::Document).await;
    response.extensions_mut().insert(Template(DOCUMENT));
    response
}

/// The request's preferences for the body of the answer.
struct Preferences {
    /// The tags of the bodies that it has.
    known_tags: Vec<HeaderValue>,
    /// Whether it takes gzip.
    gzip: bool,
}

impl Preferences {
    fn of(headers: &HeaderMap) -> Self {
        let known_tags = headers.get_all(header::IF_NONE_MATCH).iter().cloned().collect();
        Self { known_tags, gzip: negotiation::accepts_gzip(headers) }
    }

    /// Tags the answer, and compresses it.
    async fn apply(self, mut response: Response, caching: Caching, kind: Kind) -> Response {
        if caching.is_tagged() && response.status() == StatusCode::OK {
            response = etag::tagged(response, &self.known_tags, self.gzip).await;
            let control = HeaderValue::from_static(caching.control());
            response.headers_mut().insert(header::CACHE_CONTROL, control);
        }
        if self.gzip { compress::compressed(response, kind).await } else { response }
    }
}
