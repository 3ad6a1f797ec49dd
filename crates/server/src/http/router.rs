//! The whole API, ready to be served.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use axum::extract::Request;
use axum::response::{IntoResponse as _, Response};
use futures_util::FutureExt as _;
use http::Method;
use tower::ServiceExt as _;

use super::call::Call;
use super::code::Code;
use super::docs;
use super::error::{ApiError, Detail};
use super::kind::RouteLabel;
use super::layer::around::{self, Routed};
use super::layer::cors::Origins;
use super::layer::identify::{self, REQUEST_ID};
use super::layer::of_route::{self, IsDocument};
use super::layer::traced;
use super::paths::{Found, Paths};
use super::routes::ROUTES;
use super::state::SharedApp;

/// The whole API. Cheap to clone.
#[derive(Clone)]
pub struct Router(Arc<Inner>);

struct Inner {
    app: SharedApp,
    origins: Origins,
    paths: Paths,
    /// The pages of the documentation, and nothing else.
    documents: axum::Router,
}

/// The whole API, ready to be served.
pub fn router(app: SharedApp) -> Router {
    let documents = docs::routes()
        .fallback(around::route_not_found)
        .method_not_allowed_fallback(around::method_not_allowed);
    let origins = Origins::of(&app.config.cors_origins);
    Router(Arc::new(Inner { app, origins, paths: Paths::of(ROUTES), documents }))
}

impl Router {
    /// Answers a request.
    ///
    /// The layers, from outside: an id, CORS, a span, the steps of `around` for every
    /// request, and those of `of_route` that its row asks for.
    pub async fn answer(&self, request: Request) -> Response {
        let Inner { app, origins, .. } = &*self.0;
        let id = identify::request_id(request.headers(), &app.engine.env.ids);
        let allowed = origins.allowed(request.headers());
        let mut response = if request.method() == Method::OPTIONS {
            origins.preflight(allowed)
        } else {
            let answering =
                |request| around::around(app, &id, request, |request| self.routed(request));
            let traces = &app.engine.traces;
            let (mut response, _) = if traces.is_on() {
                traced::traced(traces, &id, request, answering).await
            } else {
                answering(request).await
            };
            origins.finish(response.headers_mut(), allowed);
            response
        };
        response.headers_mut().insert(REQUEST_ID, id);
        response
    }

    /// Answers a request by its row; a panic is a fault of ours like any other.
    async fn routed(&self, request: Request) -> Routed {
        let routed = AssertUnwindSafe(self.of_row(request)).catch_unwind().await;
        routed.unwrap_or_else(|panic| (around::panicked(panic), None))
    }

    async fn of_row(&self, request: Request) -> Routed {
        let Inner { app, paths, documents, .. } = &*self.0;
        match paths.find(request.method(), request.uri().path()) {
            Found::Row { route, label, segment } => {
                let call = Call { app: SharedApp::clone(app), segment };
                (of_route::of_route(route, request, call).await, Some(label))
            }
            Found::OtherMethods(allow) => {
                let (code, detail) = (Code::MethodNotAllowed, Detail::Allow(allow.clone()));
                (ApiError { code, detail }.into_response(), None)
            }
            Found::Nothing => {
                let Ok(response) = documents.clone().oneshot(request).await;
                let document = response.extensions().get::<IsDocument>();
                let label = document.map(|_| RouteLabel::DOCUMENT);
                (response, label)
            }
        }
    }
}
