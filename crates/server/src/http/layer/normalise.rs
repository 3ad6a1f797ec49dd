//! Requests in the one form that the routes know.

use axum::extract::{OriginalUri, Request};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use http::uri::Authority;
use http::{HeaderValue, Method, Uri, Version, header};

use crate::http::error::ApiError;
use crate::http::rule::{Broken, Rule};

/// Where the interactive documentation lives; its own redirect adds the slash that we would strip.
const DOCS: &str = "/api/docs/";

/// Brings a request into that form: `HEAD` becomes `GET`, and a trailing slash goes. Returns the
/// error for one that names no host, or whose percent-escapes are malformed.
pub(crate) fn request(request: &mut Request) -> Option<Response> {
    let refused = bad_host(request).or_else(|| bad_escapes(request.uri()));
    if request.method() == Method::HEAD {
        *request.method_mut() = Method::GET;
    }
    if let Some(stripped) = without_slash(request.uri()) {
        // Handlers that link to themselves use the path as it was sent.
        let asked = OriginalUri(std::mem::replace(request.uri_mut(), stripped));
        request.extensions_mut().insert(asked);
    }
    refused.map(ApiError::into_response)
}

/// The answer to `HEAD`: that to `GET`, length included, without the body.
pub(crate) fn without_body(response: Response) -> Response {
    use http_body::Body as _;
    let (mut parts, body) = response.into_parts();
    if let Some(length) = body.size_hint().exact() {
        parts.headers.insert(header::CONTENT_LENGTH, length.into());
    }
    Response::from_parts(parts, Bytes::new().into())
}

/// Refuses a `Host` that is missing, repeated or malformed (RFC 9112, 3.2). HTTP/1.0 may leave it
/// out.
fn bad_host(request: &Request) -> Option<ApiError> {
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let is_sound = match (hosts.next(), hosts.next()) {
        (None, _) => request.version() == Version::HTTP_10,
        (Some(host), None) => is_host(host),
        (Some(_), Some(_)) => false,
    };
    (!is_sound).then(|| ApiError::broken(vec![Broken::new("Host", Rule::Host)]))
}

fn is_host(host: &HeaderValue) -> bool {
    // Nearly all are a plain name, and an optional port that a parser would take.
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-.".contains(byte);
    let sent = host.as_bytes();
    let name = sent.iter().position(|byte| !plain(byte)).unwrap_or(sent.len());
    let is_plain = match &sent[name..] {
        [] => true,
        [b':', port @ ..] => matches!(port.len(), 1..=4) && port.iter().all(u8::is_ascii_digit),
        _ => false,
    };
    if is_plain && name > 0 {
        return true;
    }
    // Clients send an empty one for a target without an authority.
    let host = host.to_str().unwrap_or("@");
    let is_sound = |host: Authority| {
        let named = host.host().len();
        // If text follows the name, it must be a port.
        !host.as_str().contains('@') && (host.as_str().len() == named || host.port_u16().is_some())
    };
    host.is_empty() || host.parse().is_ok_and(is_sound)
}

/// Refuses percent-escapes that are malformed, or that stand for NUL.
fn bad_escapes(uri: &Uri) -> Option<ApiError> {
    let check = |name: &str, text: &str| {
        let decoded = percent_encoding::percent_decode_str(text);
        let hex = |bytes: &[u8]| bytes.len() == 2 && bytes.iter().all(u8::is_ascii_hexdigit);
        let escapes = text.as_bytes().iter().enumerate().filter(|(_, byte)| **byte == b'%');
        let sound =
            escapes.map(|(at, _)| text.as_bytes().get(at + 1..at + 3).unwrap_or_default()).all(hex);
        let fine = sound && decoded.decode_utf8().is_ok_and(|text| !text.contains('\0'));
        (!fine).then(|| ApiError::broken(vec![Broken::new(name, Rule::PercentEscapes)]))
    };
    let escaped = |text: &str| text.contains('%');
    let path = Some(uri.path()).filter(|path| escaped(path)).and_then(|path| check("path", path));
    path.or_else(|| uri.query().filter(|query| escaped(query)).and_then(|q| check("query", q)))
}

/// The URI without a trailing slash, which makes no difference; `None` when it has none.
fn without_slash(uri: &Uri) -> Option<Uri> {
    let path = uri.path();
    if path.len() < 2 || !path.ends_with('/') || path.starts_with(DOCS) {
        return None;
    }
    let trimmed = path.trim_end_matches('/');
    let trimmed = if trimmed.is_empty() { "/" } else { trimmed };
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    // Trimming slashes off a valid path leaves a valid path.
    format!("{trimmed}{query}").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_must_mean_something() {
        let bad = |uri: &str| bad_escapes(&uri.parse().unwrap()).is_some();
        for uri in ["/sales/history/a%00b", "/x/%zz", "/x/%4", "/x/%ff", "/x?movie=%00", "/x?a=%g1"]
        {
            assert!(bad(uri), "{uri}");
        }
        for uri in ["/sales/history/jo%C3%A3o", "/x", "/x?movie=a%20b"] {
            assert!(!bad(uri), "{uri}");
        }
    }

    #[test]
    fn a_trailing_slash_makes_no_difference_but_to_the_docs() {
        let strip = |uri: &str| {
            let uri: Uri = uri.parse().unwrap();
            without_slash(&uri).unwrap_or(uri).to_string()
        };
        assert_eq!(strip("/sessions/"), "/sessions");
        assert_eq!(strip("/sessions//?limit=1"), "/sessions?limit=1");
        assert_eq!(strip("/"), "/");
        assert_eq!(strip("/api/docs/"), "/api/docs/");
    }
}
