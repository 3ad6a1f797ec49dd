//! Ids of requests.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::{HeaderMap, HeaderName, HeaderValue};
use poltrona_engine::env::ids::Ids;

use crate::http::state::SharedApp;

/// The header with a request's id.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The longest id that is taken from a client.
const REQUEST_ID_MAX: usize = 128;

/// Gives a request an id, and every answer to it the same id.
pub(crate) async fn identify(
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
