//! Lists that come in pages, newest first.

use axum::response::Response;
use http::{HeaderValue, StatusCode, Uri, header};
use uuid::Uuid;

use crate::http::error::ApiError;
use crate::http::extract::Query;
use crate::http::represent;
use crate::http::response::json;
use crate::http::rule::{Broken, Rule};
use poltrona_engine::json::list;
use poltrona_engine::store::query::Page;

/// The page that is asked for, in a list that takes no other parameters.
pub(super) fn asked(query: &Query) -> Result<Page, ApiError> {
    let mut broken = Vec::new();
    let page = query.page(&mut broken);
    if broken.is_empty() { Ok(page) } else { Err(ApiError::broken(broken)) }
}

/// The error for a page after an entry that the list does not have.
pub(super) fn no_such_entry() -> ApiError {
    ApiError::broken(vec![Broken::new("after", Rule::Entry)])
}

/// A page as it is sent: `write` writes an entry. A full page links to the next one, after the `id` of its last entry.
pub(super) fn show<T>(
    entries: &[T],
    write: impl Fn(&mut Vec<u8>, &T) -> serde_json::Result<()>,
    id: impl Fn(&T) -> Uuid,
    page: Page,
    uri: &Uri,
) -> Response {
    let mut response = json(StatusCode::OK, represent::written(|json| list(json, entries, write)));
    let last = entries.last().filter(|_| entries.len() == page.limit);
    if let Some(link) = last.and_then(|last| next(uri, id(last))) {
        response.headers_mut().insert(header::LINK, link);
    }
    response
}

/// The link to the next page: the conditions of `uri`, after an entry.
fn next(uri: &Uri, after: Uuid) -> Option<HeaderValue> {
    let kept = uri.query().unwrap_or("").split('&');
    let kept = kept.filter(|pair| !pair.is_empty() && !names(pair, "after"));
    let mut query: Vec<_> = kept.map(str::to_owned).collect();
    query.push(format!("after={after}"));
    let link = format!("<{}?{}>; rel=\"next\"", uri.path(), query.join("&"));
    HeaderValue::try_from(link).ok()
}

/// Whether a pair of a query is the parameter `name`, however its letters are escaped.
fn names(pair: &str, name: &str) -> bool {
    let written = pair.split('=').next().unwrap_or_default();
    percent_encoding::percent_decode_str(written).eq(name.bytes())
}
