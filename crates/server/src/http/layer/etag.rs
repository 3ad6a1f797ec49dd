//! Tags of answers, and 304 to a client that already has the answer.
//!
//! A session's tag is strong and begins with its version, which `If-Match` compares; all others are
//! weak.

use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use bytes::{Bytes, BytesMut};
use http::{HeaderValue, StatusCode, header};
use http_body::{Body as _, Frame};
use http_body_util::BodyExt as _;

use crate::http::code::Code;
use crate::http::error::ApiError;
use crate::http::negotiation::entity_tags;
use crate::http::preferences::Preferences;
use crate::http::response::Version;

/// The smallest body that is compressed, in bytes: smaller ones go in one packet with their
/// headers.
pub(super) const COMPRESSED_FROM: usize = 1_024;
/// The ends of strong tags of compressed bodies. A cache in between may have added the second.
const GZIP: &str = "-gzip\"";
const BROTLI: &str = "-br\"";

/// Adds an `ETag`, and answers 304 to a client that already has the answer.
pub(crate) async fn tagged(response: Response, preferences: &Preferences) -> Response {
    let (mut parts, body) = response.into_parts();
    let Ok(body) = whole(body).await else {
        return ApiError::new(Code::Internal).into_response();
    };
    let digest = rapidhash::v3::rapidhash_v3(&body);
    let tag = match parts.extensions.get() {
        Some(Version(version)) => format!("\"v{version}-{digest:016x}\""),
        None => format!("W/\"{digest:016x}\""),
    };
    let mut lists = preferences.known_tags.iter().filter_map(|known| known.to_str().ok());
    let matches = lists.any(|known| is_among(&tag, known));
    let tag = HeaderValue::try_from(tag).ok();
    if !matches {
        parts.headers.extend(tag.map(|tag| (header::ETAG, tag)));
        return Response::from_parts(parts, body.into());
    }
    // The tag that a 200 would have (RFC 9110, 15.4.5).
    let is_compressed = preferences.gzip && body.len() >= COMPRESSED_FROM;
    let compressed = tag.as_ref().filter(|_| is_compressed).and_then(of_gzip);
    parts.headers.extend(compressed.or(tag).map(|tag| (header::ETAG, tag)));
    parts.status = StatusCode::NOT_MODIFIED;
    parts.headers.remove(header::CONTENT_TYPE);
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, Bytes::new().into())
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

/// Whether `tag` is in the list of `If-None-Match`, compared weakly (RFC 9110, 8.8.3.2).
fn is_among(tag: &str, list: &str) -> bool {
    entity_tags(list).any(|one| one == "*" || opaque(one) == opaque(tag))
}

/// The tag of the plain body: without weak mark, closing quote and name of a compression.
fn opaque(tag: &str) -> &str {
    let text = tag.strip_prefix("W/").unwrap_or(tag);
    let plain = text.strip_suffix(GZIP).or_else(|| text.strip_suffix(BROTLI));
    plain.or_else(|| text.strip_suffix('"')).unwrap_or(text)
}

/// The tag of a body after compression: a strong one promises equal bytes, so it changes (RFC 9110,
/// 8.8.3.3). `None` when the tag stays.
pub(super) fn of_gzip(tag: &HeaderValue) -> Option<HeaderValue> {
    let strong = tag.to_str().ok().filter(|tag| !tag.starts_with("W/"))?;
    HeaderValue::try_from(format!("{}{GZIP}", strong.strip_suffix('"')?)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_strong_tag_names_the_compression_and_a_weak_one_does_not() {
        let strong = HeaderValue::from_static("\"v3-1f\"");
        assert_eq!(of_gzip(&strong), Some(HeaderValue::from_static("\"v3-1f-gzip\"")));
        assert_eq!(of_gzip(&HeaderValue::from_static("W/\"1f\"")), None);
    }

    #[test]
    fn a_tag_is_known_whatever_its_body_was_compressed_with() {
        for known in ["\"v3-1f\"", "W/\"v3-1f\"", "\"v3-1f-gzip\"", "\"x\", \"v3-1f-br\"", "*"] {
            assert!(is_among("\"v3-1f\"", known), "{known}");
        }
        for known in ["\"v3-1e\"", "\"v3-1f-gzip-gzip\"", "v3-1f", "v3-1f\"", ""] {
            assert!(!is_among("\"v3-1f\"", known), "{known}");
        }
    }
}
