//! Compression of large answers.

use std::io::{self, Write as _};

use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::{HeaderValue, header};
use http_body::Body as _;
use http_body_util::BodyExt as _;

use super::etag;
use crate::http::code::Code;
use crate::http::error::ApiError;

/// The smallest body that is compressed, in bytes: smaller ones go in one packet with their headers.
const SMALLEST: u64 = 1_024;

/// Compresses an answer whose body is whole, large, and not compressed yet. A stream passes as it is, and
/// so does an error, which has no body before the layers outside make it.
pub(crate) async fn compressed(response: Response) -> Response {
    let is_large = response.body().size_hint().exact().is_some_and(|size| size >= SMALLEST);
    if !is_large || response.headers().contains_key(header::CONTENT_ENCODING) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let Ok(body) = body.collect().await.map(http_body_util::Collected::to_bytes) else {
        return ApiError::new(Code::Internal).into_response();
    };
    let Some(smaller) = gzip(&body).ok().filter(|it| it.len() < body.len()) else {
        return Response::from_parts(parts, body.into());
    };
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    let tag = parts.headers.get(header::ETAG).and_then(|tag| etag::of_gzip(tag));
    parts.headers.extend(tag.map(|tag| (header::ETAG, tag)));
    Response::from_parts(parts, smaller.into())
}

fn gzip(body: &Bytes) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 4), Compression::fast());
    encoder.write_all(body)?;
    encoder.finish()
}
