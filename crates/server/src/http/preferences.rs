//! A client's preferences for the body of an answer.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, header};

use super::negotiation;

/// A request's preferences for the body of the answer.
pub(super) struct Preferences {
    /// The tags of the bodies that it has.
    pub(super) known_tags: Vec<HeaderValue>,
    /// Whether it takes gzip.
    pub(super) gzip: bool,
}

impl Preferences {
    /// The preferences of a request with these headers.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let known_tags = headers.get_all(header::IF_NONE_MATCH).iter().cloned().collect();
        Self { known_tags, gzip: negotiation::accepts_gzip(headers) }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Preferences {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::of(&parts.headers))
    }
}
