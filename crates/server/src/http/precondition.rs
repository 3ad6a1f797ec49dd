//! What a request requires of the thing that it changes: `If-Match` and `If-Unmodified-Since`.

use std::time::{SystemTime, UNIX_EPOCH};

use axum::extract::FromRequestParts;
use http::header::{self, HeaderName};
use http::request::Parts;
use poltrona_domain::{Precondition, Timestamp};

use super::error::ApiError;

/// What the request requires.
///
/// Of a tag only the version before the dash counts, and not the digest of the whole answer: RFC 9110
/// would have a seat that somebody buys spoil the change of a title. A time is compared with that of the
/// last change, and counts only without `If-Match` (RFC 9110, 13.2.2); one that is no time says nothing.
pub(super) struct Required(pub(super) Precondition);

impl<S: Send + Sync> FromRequestParts<S> for Required {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let lines = |name: &HeaderName| -> Option<Vec<String>> {
            let lines = parts.headers.get_all(name).iter();
            let lines: Vec<_> =
                lines.map(|line| String::from_utf8_lossy(line.as_bytes()).into_owned()).collect();
            (!lines.is_empty()).then_some(lines)
        };
        let tags = lines(&header::IF_MATCH);
        let since = lines(&header::IF_UNMODIFIED_SINCE).filter(|_| tags.is_none());
        Ok(Self(Precondition {
            versions: tags.and_then(|tags| versions(&tags)),
            unchanged_since: since.and_then(|since| time(since.first()?)),
        }))
    }
}

/// The versions that the tags name; `None` when any will do.
fn versions(lines: &[String]) -> Option<Vec<u32>> {
    let mut tags = lines.iter().flat_map(|line| line.split(',')).map(str::trim);
    let is_any = tags.clone().any(|tag| tag == "*");
    (!is_any).then(|| tags.by_ref().filter_map(version).collect())
}

/// The version of a strong tag of ours. A weak one is no ground for a change (RFC 9110, 13.1.1).
fn version(tag: &str) -> Option<u32> {
    let (version, digest) = tag.strip_prefix("\"v")?.strip_suffix('"')?.split_once('-')?;
    let is_sound = !digest.is_empty() && version.bytes().all(|byte| byte.is_ascii_digit());
    version.parse().ok().filter(|_| is_sound)
}

/// The end of the second that an HTTP date names.
fn time(text: &str) -> Option<Timestamp> {
    const REST_OF_A_SECOND: i64 = 999;
    let time: SystemTime = httpdate::parse_http_date(text).ok()?;
    let millis = time.duration_since(UNIX_EPOCH).ok()?.as_millis();
    Some(Timestamp::from_millis(i64::try_from(millis).ok()? + REST_OF_A_SECOND))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_names_the_version_whatever_else_of_the_answer_changed() {
        for tag in ["\"v3-0123456789abcdef\"", "\"v3-0123456789abcdef-gzip\"", "\"v3-x\""] {
            assert_eq!(version(tag), Some(3), "{tag}");
        }
        for tag in
            ["nope", "\"nope\"", "W/\"v3-01\"", "\"v3\"", "\"v-1\"", "\"v+3-1\"", "\"v3-\"", ""]
        {
            assert_eq!(version(tag), None, "{tag}");
        }
    }

    #[test]
    fn any_of_several_tags_will_do_and_a_star_means_any() {
        let of =
            |lines: &[&str]| versions(&lines.iter().map(|&it| it.to_owned()).collect::<Vec<_>>());
        assert_eq!(of(&["\"v1-a\", \"v2-b\"", "\"x\""]), Some(vec![1, 2]));
        assert_eq!(of(&["\"nope\""]), Some(vec![]));
        assert_eq!(of(&["\"x\", *"]), None);
    }

    #[test]
    fn a_date_means_its_whole_second() {
        let millis = |text| time(text).map(Timestamp::as_millis);
        assert_eq!(millis("Tue, 24 Nov 2026 10:00:00 GMT"), Some(1_795_514_400_999));
        assert_eq!(millis("yesterday"), None);
    }
}
