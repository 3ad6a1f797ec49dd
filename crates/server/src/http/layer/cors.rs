//! CORS: the origins whose pages may read the answers.

use http::{HeaderName, HeaderValue, header};
use tower_http::cors::{AllowOrigin, Any, CorsLayer};

use super::identify::REQUEST_ID;
use crate::config::Cors;

/// Lets pages of these origins read the answers.
pub(crate) fn cors(origins: &Cors) -> CorsLayer {
    let layer = CorsLayer::new().allow_methods(Any).allow_headers(Any).expose_headers([
        REQUEST_ID,
        header::ETAG,
        header::LINK,
        header::LOCATION,
        header::RETRY_AFTER,
        HeaderName::from_static("idempotency-replayed"),
    ]);
    match origins {
        Cors::Any => layer.allow_origin(Any),
        Cors::List(list) => {
            let exact = list.iter().filter_map(|origin| HeaderValue::from_str(origin).ok());
            layer.allow_origin(AllowOrigin::list(exact))
        }
    }
}
