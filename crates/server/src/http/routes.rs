//! The table of routes: the router, the document and the layers are made of it.

use utoipa_axum::router::OpenApiRouter;

use super::api::{health, payments, reservations, sales, seats, sessions};
use super::call::Call;
use super::code::Code::{
    ExtensionRefused, MalformedId, PreconditionFailed, ReservationCancelled, ReservationConfirmed,
    ReservationExpired, ReservationNotFound, SeatHeld, SeatNotFound, SeatSold, SeatsUnavailable,
    SessionInUse, SessionNotFound,
};
use super::route::Access::{Customer, Metrics, Owner, Programme};
use super::route::{Route, handler};

/// Every route that the document describes, in its order.
pub static ROUTES: &[Route] =
    &[
        Route::post("/sessions", handler!(sessions::open)).takes_json().asked_by(Programme),
        Route::list("/sessions", handler!(sessions::list)),
        Route::get("/sessions/{id}", handler!(sessions::show)).refuses(&[SessionNotFound]),
        Route::patch("/sessions/{id}", handler!(sessions::update))
            .takes_json()
            .asked_by(Programme)
            .refuses(&[SessionNotFound, PreconditionFailed]),
        Route::delete("/sessions/{id}", handler!(sessions::close)).asked_by(Programme).refuses(&[
            SessionNotFound,
            PreconditionFailed,
            SessionInUse,
        ]),
        Route::get("/seats/{sessionId}", handler!(seats::of_session)).refuses(&[SessionNotFound]),
        Route::post("/reservations", handler!(reservations::reserve))
            .takes_json()
            .asked_by(Customer)
            .refuses(&[SeatNotFound, SeatHeld, SeatSold, SeatsUnavailable]),
        Route::get("/reservations/{id}", handler!(reservations::show))
            .asked_by(Owner)
            .refuses(&[ReservationNotFound]),
        Route::delete("/reservations/{id}", handler!(reservations::cancel))
            .asked_by(Owner)
            .refuses(&[ReservationNotFound, ReservationConfirmed, ReservationExpired]),
        Route::post("/reservations/{id}/extend", handler!(reservations::extend))
            .asked_by(Owner)
            .refuses(&[
                ReservationNotFound,
                ReservationConfirmed,
                ExtensionRefused,
                ReservationExpired,
                ReservationCancelled,
            ]),
        Route::list("/reservations/user/{userId}", handler!(reservations::of_user)).asked_by(Owner),
        Route::post("/payments/confirm/{reservationId}", handler!(payments::confirm))
            .asked_by(Owner)
            .refuses(&[
                MalformedId,
                ReservationNotFound,
                ReservationConfirmed,
                ReservationExpired,
                ReservationCancelled,
            ]),
        Route::list("/sales/history/{userId}", handler!(sales::history)).asked_by(Owner),
        Route::get("/health", handler!(health::health)).of_program(),
        Route::get("/livez", handler!(health::livez)).of_program().untagged(),
        Route::get("/readyz", handler!(health::readyz)).of_program().untagged(),
        Route::get("/metrics", handler!(health::metrics)).of_program().untagged().asked_by(Metrics),
    ];

/// The row of a method and path, as the document names them.
pub(super) fn find(method: &str, path: &str) -> Option<&'static Route> {
    ROUTES.iter().find(|it| it.method.name() == method && it.path == path)
}

/// Adds every route, as it is described.
pub(super) fn describe(router: OpenApiRouter<Call>) -> OpenApiRouter<Call> {
    ROUTES.iter().fold(router, |router, route| router.routes((route.handler.described)()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_has_the_method_and_path_of_its_description() {
        for route in ROUTES {
            let (_, paths, _) = (route.handler.described)();
            let described: Vec<_> = paths.paths.iter().collect();
            let [(path, item)] = described[..] else { panic!("{} has one path", route.path) };
            assert_eq!(path, route.path);
            let item = serde_json::to_value(item).unwrap();
            let methods: Vec<_> = item.as_object().unwrap().keys().cloned().collect();
            assert_eq!(methods, [route.method.name()], "{path}");
        }
    }
}
