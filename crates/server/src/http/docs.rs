//! The documentation, served by the program itself: nothing is fetched from elsewhere.

use std::sync::LazyLock;

use axum::Router;
use axum::middleware::{from_fn, map_response};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::http::code::Code;
use crate::http::error::ApiError;
use crate::http::layer::of_route::of_document;
use crate::http::openapi;
use crate::http::response::json_bytes;

static JSON: LazyLock<Bytes> = LazyLock::new(|| openapi::json().into());
static YAML: LazyLock<Bytes> = LazyLock::new(|| openapi::yaml().into());
/// The meaning of each error code; the `type` of a problem points here.
const ERRORS: &str = include_str!("../../../../docs/errors.md");

pub(super) fn routes() -> Router {
    let ui = SwaggerUi::new("/api/docs").config(Config::from("/api/docs-json"));
    Router::from(ui)
        .layer(map_response(say_not_found))
        .route("/api/docs-json", get(async || json_bytes(StatusCode::OK, JSON.clone())))
        .route("/api/docs-yaml", get(async || text("application/yaml", YAML.clone())))
        .route("/api/errors", get(async || text("text/markdown; charset=utf-8", ERRORS.into())))
        .route_layer(from_fn(of_document))
}

/// A file that the interactive documentation lacks is answered like any unknown route.
async fn say_not_found(response: Response) -> Response {
    match response.status() {
        StatusCode::NOT_FOUND => ApiError::new(Code::RouteNotFound).into_response(),
        _ => response,
    }
}

fn text(kind: &'static str, body: Bytes) -> Response {
    ([(header::CONTENT_TYPE, HeaderValue::from_static(kind))], body).into_response()
}
