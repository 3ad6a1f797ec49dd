//! CORS: the origins whose pages may read the answers.

use axum::body::Body;
use axum::response::Response;
use http::{HeaderMap, HeaderValue, header};

use crate::config::Cors;

/// The headers of answers that pages of other sites may read.
const EXPOSED: HeaderValue =
    HeaderValue::from_static("x-request-id,etag,link,location,retry-after,idempotency-replayed");
/// The value of `Vary` when not every origin may read it.
const VARIES: HeaderValue = HeaderValue::from_static("origin");
const ANY: HeaderValue = HeaderValue::from_static("*");

/// Which origins may read the answers.
pub(crate) enum Origins {
    Any,
    These(Vec<HeaderValue>),
}

impl Origins {
    /// The origins of a configuration.
    pub(crate) fn of(config: &Cors) -> Self {
        match config {
            Cors::Any => Self::Any,
            Cors::List(list) => {
                let exact = list.iter().filter_map(|origin| HeaderValue::from_str(origin).ok());
                Self::These(exact.collect())
            }
        }
    }

    /// The value of `Access-Control-Allow-Origin` for a request; `None` when its page may not read the
    /// answer.
    pub(crate) fn allowed(&self, request: &HeaderMap) -> Option<HeaderValue> {
        match self {
            Self::Any => Some(ANY),
            Self::These(list) => {
                request.get(header::ORIGIN).filter(|origin| list.contains(origin)).cloned()
            }
        }
    }

    /// The answer to a preflight.
    pub(crate) fn preflight(&self, allowed: Option<HeaderValue>) -> Response {
        let mut response = Response::new(Body::empty());
        let headers = response.headers_mut();
        if matches!(self, Self::These(_)) {
            headers.insert(header::VARY, VARIES);
        }
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, ANY);
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, ANY);
        allow(headers, allowed);
        response
    }

    /// Lets a page read an answer.
    pub(crate) fn finish(&self, headers: &mut HeaderMap, allowed: Option<HeaderValue>) {
        if matches!(self, Self::These(_)) {
            headers.append(header::VARY, VARIES);
        }
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
        allow(headers, allowed);
    }
}

fn allow(headers: &mut HeaderMap, allowed: Option<HeaderValue>) {
    if let Some(origin) = allowed {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    }
}
