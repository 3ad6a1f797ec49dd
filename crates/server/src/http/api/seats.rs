//! `/seats`: the live seat map of a session.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;

use crate::http::code::Code;
use crate::http::error::ApiError;
use crate::http::extract::Segment;
use crate::http::response::json_bytes;
use crate::http::seat_map::{self, SeatOnMap};
use crate::http::state::SharedApp;

/// The seat map of a session, live.
///
/// A seat whose hold has lapsed is free, whether or not that was announced yet.
#[utoipa::path(
    get, path = "/seats/{sessionId}", tag = "seats", operation_id = "getSeats",
    params(("sessionId" = String, Path, format = Uuid, description = "The session.")),
    responses((status = 200, description = "Its seats, in order.", body = Vec<SeatOnMap>))
)]
pub(crate) async fn of_session(
    State(app): State<SharedApp>,
    session: Segment,
) -> Result<Response, ApiError> {
    let session = session.session()?;
    app.check_database()?;
    let map = app.seat_maps.get(session, || seat_map::read(&app.engine.store, session)).await;
    let map = map.map_err(|error| ApiError::clone(&error))?;
    let map = map.ok_or(ApiError::new(Code::SessionNotFound))?;
    Ok(json_bytes(StatusCode::OK, map))
}
