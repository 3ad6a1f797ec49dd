//! `/seats`: what is free now.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use http::StatusCode;
use poltrona_domain::{Layout, Seat, SeatStatus, SessionId, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::{App, SharedApp};
use crate::http::error::{ApiError, Code};
use crate::http::extract::Segment;
use crate::http::{json_bytes, openapi};
use poltrona_engine::store::query::Seen;
use poltrona_engine::wire::{Id, seat_status};

/// A seat map as it is sent, shared by all who asked at once; `None` for a session that is not
/// there.
pub type SeatMap = Result<Option<Bytes>, Arc<ApiError>>;

/// A seat on the map.
#[derive(Serialize, ToSchema)]
#[schema(as = SeatOnMap, example = json!({
    "id": "01900000-0000-7000-8000-000000100001", "seatNumber": "A1", "status": "RESERVED",
    "isLocked": true
}))]
#[serde(rename_all = "camelCase")]
pub(super) struct SeatOnMap {
    #[schema(value_type = String, format = Uuid)]
    id: Id,
    seat_number: String,
    #[schema(inline, value_type = openapi::SeatStatus)]
    status: &'static str,
    /// Whether a live hold keeps it.
    is_locked: bool,
}

impl SeatOnMap {
    fn of(seat: &Seat, now: Timestamp) -> Self {
        let status = seat.status_at(now);
        Self {
            id: poltrona_engine::wire::id(seat.id),
            seat_number: Layout::label(seat.id.no()),
            status: seat_status(status),
            is_locked: status == SeatStatus::Reserved,
        }
    }
}

/// The seat map of a session, live.
///
/// A seat whose hold has lapsed is free, whether or not that was announced yet.
#[utoipa::path(
    get, path = "/seats/{sessionId}", tag = "seats", operation_id = "getSeats",
    params(("sessionId" = String, Path, format = Uuid, description = "The session.")),
    responses((status = 200, description = "Its seats, in order.", body = Vec<SeatOnMap>)),
    extensions(("x-codes" = json!(["session_not_found", "overloaded", "store_unavailable"])))
)]
pub(super) async fn of_session(
    State(app): State<SharedApp>,
    session: Segment,
) -> Result<Response, ApiError> {
    let session = session.session()?;
    let map = app.seat_maps.get(session, || read_map(&app, session)).await;
    let map = map.map_err(|error| ApiError::clone(&error))?;
    let map = map.ok_or(ApiError::new(Code::SessionNotFound))?;
    Ok(json_bytes(StatusCode::OK, map))
}

async fn read_map(app: &App, session: SessionId) -> SeatMap {
    let shared = |error: poltrona_engine::store::Error| Arc::new(ApiError::from(error));
    let Seen { rows, at } = app.readers.room(session).await.map_err(shared)?;
    let Some((_, seats)) = rows else { return Ok(None) };
    let seats: Vec<_> = seats.iter().map(|seat| SeatOnMap::of(seat, at)).collect();
    let map = serde_json::to_vec(&seats).map_err(|error| shared(error.into()))?;
    Ok(Some(Bytes::from(map)))
}
