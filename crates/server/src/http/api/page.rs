//! Lists that come in pages, newest first.

use axum::response::Response;
use http::{HeaderValue, StatusCode, Uri, header};
use uuid::Uuid;

use crate::http::error::ApiError;
use crate::http::extract::Query;
use crate::http::response::json;
use crate::http::rule::{Broken, Rule};
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

/// A page as it is sent, of so many entries; `last` is the id of the last one. A full page links to the next one.
pub(super) fn show(
    body: serde_json::Result<Vec<u8>>,
    entries: usize,
    last: Option<Uuid>,
    page: Page,
    uri: &Uri,
) -> Response {
    let mut response = json(StatusCode::OK, body);
    let full = entries == page.limit;
    if let Some(link) = last.filter(|_| full).and_then(|last| next(uri, last)) {
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
