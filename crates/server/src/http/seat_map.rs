//! The seat map as it is sent, read once for all concurrent requests.

use std::sync::Arc;

use bytes::Bytes;
use poltrona_domain::{Layout, Seat, SeatStatus, SessionId, Timestamp};
use poltrona_engine::store::Store;
use poltrona_engine::store::query::Snapshot;
use poltrona_engine::wire::{Id, seat_status};
use serde::Serialize;
use utoipa::ToSchema;

use super::error::ApiError;
use super::schema;

/// A seat map as it is sent, shared by concurrent requests; `None` for a session that does not
/// exist.
pub(super) type SeatMap = Result<Option<Bytes>, Arc<ApiError>>;

/// A session with its seats as it is sent, and its version, shared likewise.
pub(super) type SessionPage = Result<Option<(Bytes, u32)>, Arc<ApiError>>;

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
    #[schema(value_type = schema::SeatStatus)]
    status: &'static str,
    /// Whether a live hold has it.
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

/// Reads the seat map of a session.
pub(super) async fn read(store: &Store, session: SessionId) -> SeatMap {
    let shared = |error: poltrona_engine::store::Error| Arc::new(ApiError::from(error));
    let Snapshot { rows, at } = store.room(session).await.map_err(shared)?;
    let Some((_, seats)) = rows else { return Ok(None) };
    let seats: Vec<_> = seats.iter().map(|seat| SeatOnMap::of(seat, at)).collect();
    let map = serde_json::to_vec(&seats).map_err(|error| shared(error.into()))?;
    Ok(Some(Bytes::from(map)))
}
