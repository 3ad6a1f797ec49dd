//! Compression of large answers.

use std::collections::BTreeMap;
use std::io;
use std::sync::{PoisonError, RwLock};

use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use http::{HeaderValue, header};
use http_body::Body as _;

use crate::http::body::whole;
use crate::http::code::Code;
use crate::http::error::ApiError;
use crate::http::gzip::gzip;
use crate::http::tag::{self, COMPRESSED_FROM};

/// The kind of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Made for this answer.
    Fresh,
    /// One of the few files of the documentation, which do not change while the program runs.
    Document,
}

/// Compresses an answer whose body is whole, large, and not compressed yet. A stream passes as it
/// is, and so does an error, which has no body before the layers outside make it.
pub(crate) async fn compressed(response: Response, kind: Kind) -> Response {
    let is_large =
        response.body().size_hint().exact().is_some_and(|size| size >= COMPRESSED_FROM as u64);
    if !is_large || response.headers().contains_key(header::CONTENT_ENCODING) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let Ok(body) = whole(body).await else {
        return ApiError::new(Code::Internal).into_response();
    };
    let smaller = match kind {
        Kind::Fresh => gzip(&body),
        Kind::Document => gzip_once(&body),
    };
    let Some(smaller) = smaller.ok().filter(|it| it.len() < body.len()) else {
        return Response::from_parts(parts, body.into());
    };
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    let tag = parts.headers.get(header::ETAG).map(tag::of_gzip);
    if let Some(tag) = tag {
        parts.headers.insert(header::ETAG, tag);
    }
    Response::from_parts(parts, smaller.into())
}

/// Compresses each document once: there are few, and the largest takes a thread 20 ms.
fn gzip_once(body: &Bytes) -> io::Result<Bytes> {
    static MADE: RwLock<BTreeMap<u64, Bytes>> = RwLock::new(BTreeMap::new());
    let name = rapidhash::v3::rapidhash_v3(body);
    if let Some(made) = MADE.read().unwrap_or_else(PoisonError::into_inner).get(&name) {
        return Ok(made.clone());
    }
    let made = gzip(body)?;
    MADE.write().unwrap_or_else(PoisonError::into_inner).insert(name, made.clone());
    Ok(made)
}
