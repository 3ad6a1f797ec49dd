//! The conditions of a change: `If-Match` and `If-Unmodified-Since`.

use std::time::UNIX_EPOCH;

use axum::extract::FromRequestParts;
use http::header::{self, HeaderName};
use http::request::Parts;
use jiff::fmt::rfc2822;
use poltrona_domain::{Precondition, Timestamp};

use super::error::ApiError;
use super::negotiation::entity_tags;

/// The condition of a request.
///
/// Only the version before the dash is compared: if whole tags were, as by RFC 9110, each sold seat
/// would make a change of the title fail. A time counts only without `If-Match` (RFC 9110, 13.2.2)
/// and is ignored when malformed.
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

/// The versions that the tags name; `None` when any version matches.
fn versions(lines: &[String]) -> Option<Vec<u32>> {
    let tags: Vec<_> = lines.iter().flat_map(|line| entity_tags(line)).collect();
    (!tags.contains(&"*")).then(|| tags.into_iter().filter_map(version).collect())
}

/// The version of a strong tag of ours. A weak one never matches (RFC 9110, 13.1.1).
fn version(tag: &str) -> Option<u32> {
    let (version, digest) = tag.strip_prefix("\"v")?.strip_suffix('"')?.split_once('-')?;
    let number: u32 = version.parse().ok()?;
    (!digest.is_empty() && number.to_string() == version).then_some(number)
}

/// The end of the second that an HTTP date names, in any of its three forms (RFC 9110, 5.6.7).
fn time(text: &str) -> Option<Timestamp> {
    const REST_OF_A_SECOND: i64 = 999;
    // The usual form of any year; the parser of the two old forms knows none before 1970.
    let usual = rfc2822::DateTimeParser::new().parse_timestamp(text);
    let seconds = usual.map_or_else(|_| old_form(text), |time| Some(time.as_second()))?;
    Some(Timestamp::from_millis(seconds.saturating_mul(1_000) + REST_OF_A_SECOND))
}

fn old_form(text: &str) -> Option<i64> {
    let time = httpdate::parse_http_date(text).ok()?;
    i64::try_from(time.duration_since(UNIX_EPOCH).ok()?.as_secs()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_names_the_version_whatever_else_of_the_answer_changed() {
        for tag in ["\"v3-0123456789abcdef\"", "\"v3-0123456789abcdef-gzip\"", "\"v3-x\""] {
            assert_eq!(version(tag), Some(3), "{tag}");
        }
        for tag in [
            "nope",
            "\"nope\"",
            "W/\"v3-01\"",
            "\"v3\"",
            "\"v-1\"",
            "\"v+3-1\"",
            "\"v03-1\"",
            "\"v3-\"",
            "",
        ] {
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
        assert_eq!(of(&["\"a,*,b\""]), Some(vec![]), "one tag");
    }

    #[test]
    fn a_date_means_its_whole_second() {
        let millis = |text| time(text).map(Timestamp::as_millis);
        assert_eq!(millis("Tue, 24 Nov 2026 10:00:00 GMT"), Some(1_795_514_400_999));
        assert_eq!(millis("Wed, 31 Dec 1969 23:59:59 GMT"), Some(-1));
        assert_eq!(millis("Tuesday, 24-Nov-26 10:00:00 GMT"), Some(1_795_514_400_999));
        assert_eq!(millis("yesterday"), None);
    }
}
