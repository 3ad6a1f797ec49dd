//! The table of routes: the router, the document and the layers are made of it.

use axum::middleware::from_fn_with_state;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::api::{health, payments, reservations, sales, seats, sessions};
use super::code::Code::{
    ExtensionRefused, MalformedId, PreconditionFailed, ReservationCancelled, ReservationConfirmed,
    ReservationExpired, ReservationNotFound, SeatHeld, SeatNotFound, SeatSold, SeatsUnavailable,
    SessionInUse, SessionNotFound,
};
use super::layer::of_route::of_route;
use super::route::Access::{Customer, Metrics, Owner, Programme};
use super::route::Route;
use super::state::SharedApp;

/// Every route that the document describes, in its order.
pub static ROUTES: &[Route] = &[
    Route::post("/sessions", || routes!(sessions::open)).takes_json().asked_by(Programme),
    Route::list("/sessions", || routes!(sessions::list)),
    Route::get("/sessions/{id}", || routes!(sessions::show)).refuses(&[SessionNotFound]),
    Route::patch("/sessions/{id}", || routes!(sessions::update))
        .takes_json()
        .asked_by(Programme)
        .refuses(&[SessionNotFound, PreconditionFailed]),
    Route::delete("/sessions/{id}", || routes!(sessions::close)).asked_by(Programme).refuses(&[
        SessionNotFound,
        PreconditionFailed,
        SessionInUse,
    ]),
    Route::get("/seats/{sessionId}", || routes!(seats::of_session)).refuses(&[SessionNotFound]),
    Route::post("/reservations", || routes!(reservations::reserve))
        .takes_json()
        .asked_by(Customer)
        .refuses(&[SeatNotFound, SeatHeld, SeatSold, SeatsUnavailable]),
    Route::get("/reservations/{id}", || routes!(reservations::show))
        .asked_by(Owner)
        .refuses(&[ReservationNotFound]),
    Route::delete("/reservations/{id}", || routes!(reservations::cancel))
        .asked_by(Owner)
        .refuses(&[ReservationNotFound, ReservationConfirmed, ReservationExpired]),
    Route::post("/reservations/{id}/extend", || routes!(reservations::extend))
        .asked_by(Owner)
        .refuses(&[
            ReservationNotFound,
            ReservationConfirmed,
            ExtensionRefused,
            ReservationExpired,
            ReservationCancelled,
        ]),
    Route::list("/reservations/user/{userId}", || routes!(reservations::of_user)).asked_by(Owner),
    Route::post("/payments/confirm/{reservationId}", || routes!(payments::confirm))
        .asked_by(Owner)
        .refuses(&[
            MalformedId,
            ReservationNotFound,
            ReservationConfirmed,
            ReservationExpired,
            ReservationCancelled,
        ]),
    Route::list("/sales/history/{userId}", || routes!(sales::history)).asked_by(Owner),
    Route::get("/health", || routes!(health::health)).of_program(),
    Route::get("/livez", || routes!(health::livez)).of_program().untagged(),
    Route::get("/readyz", || routes!(health::readyz)).of_program().untagged(),
    Route::get("/metrics", || routes!(health::metrics)).of_program().untagged().asked_by(Metrics),
];

/// The row of a method and path, as the document names them.
pub(super) fn find(method: &str, path: &str) -> Option<&'static Route> {
    ROUTES.iter().find(|it| it.method.name() == method && it.path == path)
}

/// Adds every route, as it is described.
pub(super) fn describe(router: OpenApiRouter<SharedApp>) -> OpenApiRouter<SharedApp> {
    ROUTES.iter().fold(router, |router, route| router.routes((route.handler)()))
}

/// Every route with its own layers.
pub(super) fn router(app: &SharedApp) -> axum::Router<SharedApp> {
    ROUTES.iter().fold(axum::Router::new(), |router, route| {
        let (_, _, handler) = (route.handler)();
        let layer = from_fn_with_state((app.clone(), route), of_route);
        router.route(route.path, handler.route_layer(layer))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_has_the_method_and_path_of_its_description() {
        for route in ROUTES {
            let (_, paths, _) = (route.handler)();
            let described: Vec<_> = paths.paths.iter().collect();
            let [(path, item)] = described[..] else { panic!("{} has one path", route.path) };
            assert_eq!(path, route.path);
            let item = serde_json::to_value(item).unwrap();
            let methods: Vec<_> = item.as_object().unwrap().keys().cloned().collect();
            assert_eq!(methods, [route.method.name()], "{path}");
        }
    }
}
