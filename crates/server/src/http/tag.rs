//! Entity tags (RFC 9110, 8.8.3).
//!
//! A session's tag is strong and begins with its version, which `If-Match` compares; all others are
//! weak. The rest is a digest of the body, so that a tag means the same on every instance, over
//! either store, after a restart and after an upgrade.

use bytes::{BufMut as _, Bytes, BytesMut};
use http::HeaderValue;

use super::negotiation::entity_tags;
use super::preferences::Preferences;

/// The smallest body that is compressed, in bytes: smaller ones go in one packet with their
/// headers.
pub(super) const COMPRESSED_FROM: usize = 1_024;
/// The ends of strong tags of compressed bodies. A cache in between may have added the second.
const GZIP: &str = "-gzip\"";
const BROTLI: &str = "-br\"";
/// The most bytes of a tag.
const TAG_MAX: usize = 40;

/// The tag of a body: a strong one with the version of what it shows, or a weak one.
pub(super) fn of_body(body: &[u8], version: Option<u32>) -> HeaderValue {
    let digest = rapidhash::v3::rapidhash_v3(body);
    let mut tag = BytesMut::with_capacity(TAG_MAX);
    match version {
        Some(version) => tag.extend_from_slice(format!("\"v{version}-").as_bytes()),
        None => tag.extend_from_slice(b"W/\""),
    }
    for place in (0..16).rev() {
        let digit = usize::try_from(digest >> (4 * place) & 0xf).unwrap_or_default();
        tag.put_u8(b"0123456789abcdef"[digit]);
    }
    tag.put_u8(b'"');
    HeaderValue::from_maybe_shared(tag.freeze()).expect("visible ASCII")
}

/// Whether a client has the body of this tag.
pub(super) fn is_known(tag: &HeaderValue, preferences: &Preferences) -> bool {
    let Ok(text) = tag.to_str() else { return false };
    let mut lists = preferences.known_tags.iter();
    lists.any(|list| list == tag || list.to_str().is_ok_and(|list| is_among(text, list)))
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
/// 8.8.3.3). A weak one stays.
pub(super) fn of_gzip(tag: &HeaderValue) -> HeaderValue {
    let strong = tag.to_str().ok().filter(|tag| !tag.starts_with("W/"));
    let named = strong.and_then(|strong| Some(format!("{}{GZIP}", strong.strip_suffix('"')?)));
    let named = named.and_then(|named| HeaderValue::from_maybe_shared(Bytes::from(named)).ok());
    named.unwrap_or_else(|| tag.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_has_sixteen_digits_and_the_version_if_there_is_one() {
        let digest = format!("{:016x}", rapidhash::v3::rapidhash_v3(b"x"));
        assert_eq!(of_body(b"x", None), format!("W/\"{digest}\""));
        assert_eq!(of_body(b"x", Some(u32::MAX)), format!("\"v4294967295-{digest}\""));
    }

    #[test]
    fn a_strong_tag_names_the_compression_and_a_weak_one_does_not() {
        let strong = HeaderValue::from_static("\"v3-1f\"");
        assert_eq!(of_gzip(&strong), HeaderValue::from_static("\"v3-1f-gzip\""));
        let weak = HeaderValue::from_static("W/\"1f\"");
        assert_eq!(of_gzip(&weak), weak);
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
