//! The API over HTTP: one file a resource, one place for errors, one edge around all.

pub mod coalesce;
mod docs;
mod edge;
pub mod error;
pub mod extract;
mod head_timeout;
mod health;
pub mod openapi;
mod page;
mod payments;
mod reservations;
mod sales;
mod schema;
mod seat_map;
mod seats;
pub mod server;
pub mod state;
mod sessions;
pub mod text;
mod traced;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::Response;
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use tower_http::catch_panic::CatchPanicLayer;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::http::state::SharedApp;
use poltrona_domain::Event;
use poltrona_engine::ledger::Outcome;
use poltrona_engine::store::answer::RecordedAnswer;

/// Every route that the OpenAPI document describes, with its description.
fn described() -> OpenApiRouter<SharedApp> {
    OpenApiRouter::with_openapi(openapi::info())
        .routes(routes!(health::health))
        .routes(routes!(health::livez))
        .routes(routes!(health::readyz))
        .routes(routes!(health::metrics))
        .routes(routes!(sessions::open, sessions::list))
        .routes(routes!(sessions::show, sessions::update, sessions::close))
        .routes(routes!(seats::of_session))
        .routes(routes!(reservations::reserve))
        .routes(routes!(reservations::show, reservations::cancel))
        .routes(routes!(reservations::extend))
        .routes(routes!(reservations::of_user))
        .routes(routes!(payments::confirm))
        .routes(routes!(sales::history))
}

/// The whole API, ready to be served.
pub fn router(app: SharedApp) -> Router {
    let routes = Router::from(described())
        .merge(docs::routes())
        .fallback(edge::route_not_found)
        .method_not_allowed_fallback(edge::method_not_allowed)
        .route_layer(from_fn(edge::remember_route))
        .layer(CatchPanicLayer::custom(edge::panicked))
        .with_state(app.clone());
    let cors = edge::cors(&app.config.cors_origins);
    // The edge must see a request before it is routed, so it wraps the routes from outside.
    let edged = tower::Layer::layer(&from_fn_with_state(app.clone(), edge::edge), routes);
    let edged = Router::new().fallback_service(edged);
    let edged = if app.engine.traces.is_on() {
        edged.layer(from_fn_with_state(app.clone(), traced::traced))
    } else {
        edged
    };
    // A preflight is answered by the CORS layer alone, so requests are named outside of it.
    edged.layer(cors).layer(from_fn_with_state(app, edge::identify))
}

/// A JSON answer.
fn json<T: Serialize>(status: StatusCode, body: &T) -> Response {
    match serde_json::to_vec(body) {
        Ok(body) => json_bytes(status, body.into()),
        Err(_) => {
            axum::response::IntoResponse::into_response(error::ApiError::new(error::Code::Internal))
        }
    }
}

/// An answer whose JSON is ready.
fn json_bytes(status: StatusCode, body: bytes::Bytes) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/json; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

/// The answer to a command: as `record` makes it of what happened, or as it was given before.
fn outcome(outcome: Outcome, record: fn(&[Event]) -> RecordedAnswer) -> Response {
    match outcome {
        Outcome::Done(events) => answer(record(&events), false),
        Outcome::Replayed(recorded) => answer(recorded, true),
    }
}

/// A recorded answer; `replayed` says that it was given before.
fn answer(answer: RecordedAnswer, replayed: bool) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    let mut response = json_bytes(status, answer.body);
    let headers = response.headers_mut();
    if let Some(location) = answer.location.and_then(|path| HeaderValue::try_from(path).ok()) {
        headers.insert(header::LOCATION, location);
    }
    if replayed {
        headers.insert("idempotency-replayed", HeaderValue::from_static("true"));
    }
    response
}
