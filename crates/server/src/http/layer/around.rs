//! The steps around every request, before it is routed and after it is answered, in order.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderValue, Method, header};
use tokio::time::Instant;

use super::identify::REQUEST_ID;
use super::{normalise, record};
use crate::http::code::Code;
use crate::http::error::{ApiError, Detail};
use crate::http::negotiation;
use crate::http::represent::Asked;
use crate::http::route::{Caching, Template};
use crate::http::state::SharedApp;

/// All steps around a request, which has its id already.
pub(crate) async fn around(
    State(app): State<SharedApp>,
    mut request: Request,
    next: Next,
) -> Response {
    let started = Instant::now();
    let (method, uri) = (request.method().clone(), request.uri().clone());
    let request_id = request.headers().get(REQUEST_ID).cloned();
    let request_id = request_id.unwrap_or(HeaderValue::from_static("-"));
    let locale = negotiation::locale(request.headers(), app.config.locale);
    let form = negotiation::form(request.headers());
    let mut response = match normalise::request(&mut request) {
        Some(refused) => refused,
        None => next.run(request).await,
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
        let (allow, route) = (response.headers_mut().remove(header::ALLOW), template_of(&response));
        response = error.render(&asked);
        response.headers_mut().extend(allow.map(|allow| (header::ALLOW, allow)));
        if let Some(route) = route {
            response.extensions_mut().insert(Template(route));
        }
    }
    finish(&mut response);
    if method == Method::HEAD {
        response = normalise::without_body(response);
    }
    let outcome = (&response, template_of(&response), code);
    record::answered(&app, &method, outcome, &request_id, started.elapsed());
    response
}

/// The template of the path that was matched, which the route's own layer left with the answer.
pub(crate) fn template_of(response: &Response) -> Option<&'static str> {
    response.extensions().get().map(|Template(path)| *path)
}

/// Headers that every answer carries.
fn finish(response: &mut Response) {
    let headers = response.headers_mut();
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
pub(crate) fn panicked(_: Box<dyn std::any::Any + Send>) -> Response {
    ApiError { code: Code::Internal, detail: Detail::None }.into_response()
}
