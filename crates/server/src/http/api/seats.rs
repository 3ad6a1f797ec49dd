//! `/seats`: the live seat map of a session.

use axum::extract::State;
use axum::response::Response;

use crate::http::error::ApiError;
use crate::http::extract::Segment;
use crate::http::kept::View;
use crate::http::preferences::Preferences;
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
    preferences: Preferences,
) -> Result<Response, ApiError> {
    let map = app.ready(View::Map, session.session()?, &seat_map::render).await?;
    Ok(map.respond(&preferences).await)
}
