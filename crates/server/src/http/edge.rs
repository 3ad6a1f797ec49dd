//! The edge: what happens to every request before it is routed and after it is answered.
//!
//! Request ids, language, trailing slashes, `HEAD`, time limits, errors put into words, `ETag` and
//! `304`, the line in the log, the metrics.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{MatchedPath, OriginalUri, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use http_body_util::BodyExt;
use tokio::time::Instant;
use tower_http::cors::{AllowOrigin, Any, CorsLayer};
use tracing::{debug, error, info, warn};

use crate::config::{Cors, Locale};
use crate::http::error::{ApiError, Asked, Code, Detail};
use crate::http::state::SharedApp;
use crate::http::text::{Broken, Rule};
use poltrona_engine::env::ids::Ids;

pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The longest request id that is taken from a client.
const REQUEST_ID_MAX: usize = 128;
/// Where the interactive documentation lives; its own redirect adds the slash that we would strip.
const DOCS: &str = "/api/docs/";
/// What machines ask every few seconds: answers that change by themselves, or that nobody caches.
const UNTAGGED: &[&str] = &["/livez", "/readyz", "/metrics"];

/// The template of the route that answered, for logs, metrics and traces.
#[derive(Clone)]
pub(super) struct Route(pub(super) Arc<str>);

/// Names a request, and its answer with it, whoever gives that.
pub(super) async fn identify(
    State(app): State<SharedApp>,
    mut request: Request,
    next: Next,
) -> Response {
    let id = request_id(request.headers(), &app.engine.env.ids);
    request.headers_mut().insert(REQUEST_ID, id.clone());
    let mut response = next.run(request).await;
    response.headers_mut().insert(REQUEST_ID, id);
    response
}

/// Everything around a request, which [`identify`] has named.
pub(super) async fn edge(
    State(app): State<SharedApp>,
    mut request: Request,
    next: Next,
) -> Response {
    let started = Instant::now();
    let method = request.method().clone();
    let asked_uri = request.uri().clone();
    let request_id = request.headers().get(REQUEST_ID).cloned();
    let request_id = request_id.unwrap_or(HeaderValue::from_static("-"));
    let locale = locale(request.headers(), app.config.locale);
    let problem = wants_problem(request.headers());
    let known_tags = request.headers().get(header::IF_NONE_MATCH).cloned();

    request.extensions_mut().insert(OriginalUri(asked_uri.clone()));
    if method == Method::HEAD {
        *request.method_mut() = Method::GET;
    }
    let mut response = if let Some(error) = bad_escapes(&asked_uri) {
        error.into_response()
    } else {
        strip_slash(request.uri_mut());
        in_time(app.config.request_timeout, &method, next.run(request)).await
    };
    let matched = response.extensions_mut().remove::<Route>();
    let route = matched.as_ref().map_or("-", |route| &route.0);
    if let Some(error) = response.extensions_mut().remove::<ApiError>() {
        let asked = Asked {
            path: asked_uri.path_and_query().map_or("/", |path| path.as_str()),
            locale,
            problem,
            request_id: request_id.to_str().unwrap_or(""),
            now: app.engine.env.clock.now(),
        };
        let allow = response.headers_mut().remove(header::ALLOW);
        response = error.render(&asked);
        response.headers_mut().extend(allow.map(|allow| (header::ALLOW, allow)));
    }
    let reads = method == Method::GET || method == Method::HEAD;
    if reads && response.status() == StatusCode::OK && is_tagged(asked_uri.path()) {
        response = tagged(response, known_tags.as_ref()).await;
    }
    finish(&mut response);
    if method == Method::HEAD {
        response = without_body(response);
    }
    let took = started.elapsed();
    app.engine.metrics.request(route, method_label(&method), response.status().as_u16(), took);
    log(route, &method, &response, &request_id, took);
    response.extensions_mut().extend_with(matched);
    response
}

/// Leaves the template of the route that matched for the edge to find.
pub(super) async fn remember_route(request: Request, next: Next) -> Response {
    let path = request.extensions().get::<MatchedPath>().cloned();
    let mut response = next.run(request).await;
    response.extensions_mut().extend_with(path.map(|path| Route(path.as_str().into())));
    response
}

/// Extensions have no way to insert an option.
trait ExtendWith {
    fn extend_with(&mut self, route: Option<Route>);
}

impl ExtendWith for http::Extensions {
    fn extend_with(&mut self, route: Option<Route>) {
        if let Some(route) = route {
            self.insert(route);
        }
    }
}

pub(super) async fn route_not_found() -> ApiError {
    ApiError::new(Code::RouteNotFound)
}

pub(super) async fn method_not_allowed() -> ApiError {
    ApiError::new(Code::MethodNotAllowed)
}

/// Which pages of other sites may read the answers.
pub(super) fn cors(origins: &Cors) -> CorsLayer {
    let layer = CorsLayer::new().allow_methods(Any).allow_headers(Any).expose_headers([
        REQUEST_ID,
        header::ETAG,
        header::LINK,
        header::LOCATION,
        header::RETRY_AFTER,
        HeaderName::from_static("idempotency-replayed"),
    ]);
    match origins {
        Cors::Any => layer.allow_origin(Any),
        Cors::List(list) => {
            let exact = list.iter().filter_map(|origin| HeaderValue::from_str(origin).ok());
            layer.allow_origin(AllowOrigin::list(exact))
        }
    }
}

/// A request that takes too long is answered all the same. A write may have been done by then.
async fn in_time(
    limit: Duration,
    method: &Method,
    answer: impl Future<Output = Response>,
) -> Response {
    match tokio::time::timeout(limit, answer).await {
        Ok(response) => response,
        Err(_) if method == Method::GET || method == Method::HEAD => {
            ApiError::new(Code::Overloaded).into_response()
        }
        Err(_) => ApiError::new(Code::OutcomeUnknown).into_response(),
    }
}

/// The client's request id if it is sane, or a fresh one.
fn request_id(headers: &HeaderMap, ids: &Ids) -> HeaderValue {
    let sane = |value: &&HeaderValue| {
        let bytes = value.as_bytes();
        (1..=REQUEST_ID_MAX).contains(&bytes.len())
            && bytes.iter().all(|b| b.is_ascii_alphanumeric() || b"-_.:".contains(b))
    };
    let fresh = || HeaderValue::try_from(ids.fresh().to_string()).ok();
    let given = headers.get(REQUEST_ID).filter(sane).cloned();
    given.or_else(fresh).unwrap_or(HeaderValue::from_static("-"))
}

/// The first language of `Accept-Language`, by weight, that we speak.
fn locale(headers: &HeaderMap, default: Locale) -> Locale {
    let Some(accepted) = headers.get(header::ACCEPT_LANGUAGE).and_then(|v| v.to_str().ok()) else {
        return default;
    };
    let weighted = accepted.split(',').filter_map(|part| {
        let (tag, weight) = weighted(part)?;
        let language = tag.split('-').next().unwrap_or("").to_ascii_lowercase();
        match language.as_str() {
            "pt" => Some((Locale::PtBr, weight)),
            "en" => Some((Locale::En, weight)),
            _ => None,
        }
    });
    // Of equals the first wins.
    let best = weighted.reduce(|best, next| if next.1 > best.1 { next } else { best });
    best.map_or(default, |(locale, _)| locale)
}

/// A part of an `Accept` header and its weight; `None` when it is refused with `q=0`.
fn weighted(part: &str) -> Option<(&str, f32)> {
    let mut pieces = part.split(';');
    let name = pieces.next()?.trim();
    let weight = pieces.find_map(|piece| piece.trim().strip_prefix("q=")?.parse().ok());
    let weight = weight.unwrap_or(1.0);
    (weight > 0.0).then_some((name, weight))
}

fn wants_problem(headers: &HeaderMap) -> bool {
    headers
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(weighted)
        .any(|(name, _)| name.eq_ignore_ascii_case("application/problem+json"))
}

/// Percent-escapes that mean nothing, or that smuggle in a NUL.
fn bad_escapes(uri: &Uri) -> Option<ApiError> {
    let check = |name: &str, text: &str| {
        let decoded = percent_encoding::percent_decode_str(text);
        let hex = |bytes: &[u8]| bytes.len() == 2 && bytes.iter().all(u8::is_ascii_hexdigit);
        let escapes = text.as_bytes().iter().enumerate().filter(|(_, byte)| **byte == b'%');
        let sound =
            escapes.map(|(at, _)| text.as_bytes().get(at + 1..at + 3).unwrap_or_default()).all(hex);
        let fine = sound && decoded.decode_utf8().is_ok_and(|text| !text.contains('\0'));
        (!fine).then(|| ApiError::broken(vec![Broken::new(name, Rule::PercentEscapes)]))
    };
    let escaped = |text: &str| text.contains('%');
    let path = Some(uri.path()).filter(|path| escaped(path)).and_then(|path| check("path", path));
    path.or_else(|| uri.query().filter(|query| escaped(query)).and_then(|q| check("query", q)))
}

/// A trailing slash makes no difference.
fn strip_slash(uri: &mut Uri) {
    let path = uri.path();
    if path.len() < 2 || !path.ends_with('/') || path.starts_with(DOCS) {
        return;
    }
    let trimmed = path.trim_end_matches('/');
    let trimmed = if trimmed.is_empty() { "/" } else { trimmed };
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    // Trimming slashes off a valid path leaves a valid path.
    if let Ok(stripped) = format!("{trimmed}{query}").parse() {
        *uri = stripped;
    }
}

/// Whether the answers of a path are worth a tag, and its requests a trace.
pub(super) fn is_tagged(path: &str) -> bool {
    !UNTAGGED.contains(&path.trim_end_matches('/'))
}

/// Adds a weak `ETag`, and answers 304 to a client that has the same already.
async fn tagged(response: Response, known: Option<&HeaderValue>) -> Response {
    let (mut parts, body) = response.into_parts();
    let Ok(body) = body.collect().await.map(http_body_util::Collected::to_bytes) else {
        return ApiError::new(Code::Internal).into_response();
    };
    let tag = format!("W/\"{:016x}\"", rapidhash::v3::rapidhash_v3(&body));
    let matches = known.and_then(|known| known.to_str().ok()).is_some_and(|known| {
        known.split(',').any(|one| {
            let one = one.trim();
            one == "*" || one.trim_start_matches("W/") == tag.trim_start_matches("W/")
        })
    });
    parts.headers.extend(HeaderValue::try_from(tag).ok().map(|tag| (header::ETAG, tag)));
    if !matches {
        return Response::from_parts(parts, body.into());
    }
    parts.status = StatusCode::NOT_MODIFIED;
    parts.headers.remove(header::CONTENT_TYPE);
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, Bytes::new().into())
}

/// Headers that every answer carries.
fn finish(response: &mut Response) {
    let headers = response.headers_mut();
    headers.append(header::VARY, HeaderValue::from_static("Accept, Accept-Language"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
}

/// The answer to `HEAD`: that to `GET`, length included, without the body.
fn without_body(response: Response) -> Response {
    use http_body::Body as _;
    let (mut parts, body) = response.into_parts();
    if let Some(length) = body.size_hint().exact() {
        parts.headers.insert(header::CONTENT_LENGTH, length.into());
    }
    Response::from_parts(parts, Bytes::new().into())
}

/// The method as a label. Clients can make methods up without end, and a label is kept for good.
fn method_label(method: &Method) -> &'static str {
    const KNOWN: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    KNOWN.into_iter().find(|name| *name == method.as_str()).unwrap_or("other")
}

/// One line a request: what people do at info, what they get wrong at debug, what they must try again
/// at warn, our faults at error.
/// The route's template stands for the path, so that no user's id comes into the log.
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

/// A handler panicked: told like any other fault of ours.
pub(super) fn panicked(_: Box<dyn std::any::Any + Send>) -> Response {
    ApiError { code: Code::Internal, detail: Detail::None }.into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spoken(accept: &str) -> Locale {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT_LANGUAGE, accept.parse().unwrap());
        locale(&headers, Locale::PtBr)
    }

    #[test]
    fn the_heaviest_language_that_we_speak_is_used() {
        assert_eq!(spoken("en"), Locale::En);
        assert_eq!(spoken("en-GB,pt;q=0.5"), Locale::En);
        assert_eq!(spoken("fr, pt;q=0.4, en;q=0.8"), Locale::En);
        assert_eq!(spoken("pt-BR,en;q=0.9"), Locale::PtBr);
        assert_eq!(spoken("en;q=0, fr"), Locale::PtBr);
        assert_eq!(spoken("*"), Locale::PtBr);
    }

    #[test]
    fn escapes_must_mean_something() {
        let bad = |uri: &str| bad_escapes(&uri.parse().unwrap()).is_some();
        for uri in ["/sales/history/a%00b", "/x/%zz", "/x/%4", "/x/%ff", "/x?movie=%00", "/x?a=%g1"]
        {
            assert!(bad(uri), "{uri}");
        }
        for uri in ["/sales/history/jo%C3%A3o", "/x", "/x?movie=a%20b"] {
            assert!(!bad(uri), "{uri}");
        }
    }

    #[test]
    fn a_trailing_slash_makes_no_difference_but_to_the_docs() {
        let strip = |uri: &str| {
            let mut uri = uri.parse().unwrap();
            strip_slash(&mut uri);
            uri.to_string()
        };
        assert_eq!(strip("/sessions/"), "/sessions");
        assert_eq!(strip("/sessions//?limit=1"), "/sessions?limit=1");
        assert_eq!(strip("/"), "/");
        assert_eq!(strip("/api/docs/"), "/api/docs/");
    }
}
