//! Tags of answers, and 304 to a client that already has the answer.

use axum::response::{IntoResponse as _, Response};
use http::header;

use crate::http::body::whole;
use crate::http::code::Code;
use crate::http::error::ApiError;
use crate::http::preferences::Preferences;
use crate::http::ready;
use crate::http::tag::{self, COMPRESSED_FROM};

/// Adds an `ETag`, and answers 304 to a client that already has the answer.
pub(crate) async fn tagged(response: Response, preferences: &Preferences) -> Response {
    let (mut parts, body) = response.into_parts();
    let Ok(body) = whole(body).await else {
        return ApiError::new(Code::Internal).into_response();
    };
    let tag = tag::of_body(&body, None);
    if tag::is_known(&tag, preferences) {
        let is_compressed = preferences.gzip && body.len() >= COMPRESSED_FROM;
        return ready::not_modified(parts, tag, is_compressed);
    }
    parts.headers.insert(header::ETAG, tag);
    Response::from_parts(parts, body.into())
}
