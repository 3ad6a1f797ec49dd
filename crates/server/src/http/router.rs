//! The whole API, ready to be served.

use axum::Router;
use axum::middleware::from_fn_with_state;
use tower_http::catch_panic::CatchPanicLayer;

use super::layer::{around, cors, identify, traced};
use super::state::SharedApp;
use super::{docs, routes};

/// The whole API, ready to be served.
pub fn router(app: SharedApp) -> Router {
    let routes = routes::router(&app)
        .merge(docs::routes())
        .fallback(around::route_not_found)
        .method_not_allowed_fallback(around::method_not_allowed)
        .layer(CatchPanicLayer::custom(around::panicked))
        .with_state(app.clone());
    let cors = cors::cors(&app.config.cors_origins);
    // A request must be seen before it is routed, so this wraps the routes from outside.
    let around = from_fn_with_state(app.clone(), around::around);
    let routes = Router::new().fallback_service(tower::Layer::layer(&around, routes));
    let routes = if app.engine.traces.is_on() {
        routes.layer(from_fn_with_state(app.clone(), traced::traced))
    } else {
        routes
    };
    // A preflight is answered by the CORS layer alone, so requests are named outside of it.
    routes.layer(cors).layer(from_fn_with_state(app, identify::identify))
}
