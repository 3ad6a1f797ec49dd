//! Ids of requests.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use poltrona_engine::env::ids::Ids;
use uuid::Uuid;

/// The header with a request's id.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The longest id that is taken from a client.
const REQUEST_ID_MAX: usize = 128;

/// The client's request id if it is sane, or a fresh one.
pub(crate) fn request_id(headers: &HeaderMap, ids: &Ids) -> HeaderValue {
    let sane = |value: &&HeaderValue| {
        let bytes = value.as_bytes();
        (1..=REQUEST_ID_MAX).contains(&bytes.len())
            && bytes.iter().all(|b| b.is_ascii_alphanumeric() || b"-_.:".contains(b))
    };
    let given = headers.get(REQUEST_ID).filter(sane).cloned();
    given.unwrap_or_else(|| {
        let mut text = Uuid::encode_buffer();
        let text = ids.fresh().hyphenated().encode_lower(&mut text);
        let text = Bytes::copy_from_slice(text.as_bytes());
        HeaderValue::from_maybe_shared(text).unwrap_or(HeaderValue::from_static("-"))
    })
}
