//! The steps around every request, before it is routed and after it is answered, in order.

use std::any::Any;

use axum::extract::Request;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, HeaderValue, Method, header};
use tokio::time::Instant;

use super::{normalise, record};
use crate::http::code::Code;
use crate::http::error::{ApiError, Detail};
use crate::http::kind::RouteLabel;
use crate::http::negotiation;
use crate::http::represent::Asked;
use crate::http::route::Caching;
use crate::http::state::App;

/// An answer and its route, for the layers outside.
pub(crate) type Routed = (Response, Option<RouteLabel>);

/// All steps around a request: `routed` answers it.
pub(crate) async fn around<R: Future<Output = Routed>>(
    app: &App,
    request_id: &HeaderValue,
    mut request: Request,
    routed: impl FnOnce(Request) -> R,
) -> Routed {
    let started = Instant::now();
    let (method, uri) = (request.method().clone(), request.uri().clone());
    let locale = negotiation::locale(request.headers(), app.config.locale);
    let form = negotiation::form(request.headers());
    let (mut response, route) = match normalise::request(&mut request) {
        Some(refused) => (refused, None),
        None => routed(request).await,
    };
    let error = response.extensions_mut().remove::<ApiError>();
    let code = error.as_ref().map(|error| error.code);
    if let Some(error) = error {
        let asked = Asked {
            path: uri.path_and_query().map_or("/", |path| path.as_str()),
            locale,
            form,
            request_id: request_id.to_str().unwrap_or(""),
            now: app.engine.env.clock.now(),
        };
        let allow = response.headers_mut().remove(header::ALLOW);
        response = error.render(&asked);
        response.headers_mut().extend(allow.map(|allow| (header::ALLOW, allow)));
    }
    finish(response.headers_mut());
    if method == Method::HEAD {
        response = normalise::without_body(response);
    }
    let outcome = (route, response.status(), code);
    record::answered(app, &method, outcome, request_id, started);
    (response, route)
}

/// Headers that every answer carries.
fn finish(headers: &mut HeaderMap) {
    headers
        .append(header::VARY, HeaderValue::from_static("Accept, Accept-Encoding, Accept-Language"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // Answers without a caching rule, errors included, must not be stored.
    let never = HeaderValue::from_static(Caching::None.control());
    headers.entry(header::CACHE_CONTROL).or_insert(never);
}

pub(crate) async fn route_not_found() -> ApiError {
    ApiError::new(Code::RouteNotFound)
}

pub(crate) async fn method_not_allowed() -> ApiError {
    ApiError::new(Code::MethodNotAllowed)
}

/// A handler panicked: answered like any other fault of ours.
pub(crate) fn panicked(_: Box<dyn Any + Send>) -> Response {
    ApiError { code: Code::Internal, detail: Detail::None }.into_response()
}
