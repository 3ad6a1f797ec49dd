//! Tags of answers, and 304 to a client that has the same already.

use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use http_body_util::BodyExt as _;

use crate::http::code::Code;
use crate::http::error::ApiError;

/// Adds a weak `ETag`, and answers 304 to a client that has the same already.
pub(crate) async fn tagged(response: Response, known: Option<&HeaderValue>) -> Response {
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
