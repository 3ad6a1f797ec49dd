//! Tags of answers, and 304 to a client that already has the answer.

use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use bytes::{Bytes, BytesMut};
use http::header;
use http_body::{Body as _, Frame};
use http_body_util::BodyExt as _;

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

/// The bytes of a body. Most have them in one piece.
pub(super) async fn whole(mut body: Body) -> Result<Bytes, axum::Error> {
    let first = match body.frame().await.transpose()?.map(Frame::into_data) {
        Some(Ok(data)) => data,
        Some(Err(_)) | None => Bytes::new(),
    };
    if body.is_end_stream() {
        return Ok(first);
    }
    let mut all = BytesMut::from(first);
    all.extend_from_slice(&body.collect().await?.to_bytes());
    Ok(all.freeze())
}
