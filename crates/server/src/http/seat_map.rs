//! The seat map as it is sent.

use poltrona_domain::{Layout, Seat, SeatStatus, Timestamp};
use poltrona_engine::store::query::Room;
use poltrona_engine::wire::{Id, seat_status};
use serde::Serialize;
use utoipa::ToSchema;

use super::schema;

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

/// The seat map of a session as JSON.
pub(super) fn render(room: &Room, at: Timestamp) -> serde_json::Result<Vec<u8>> {
    let seats = room.seats.iter().flatten().map(|seat| SeatOnMap::of(seat, at));
    serde_json::to_vec(&seats.collect::<Vec<_>>())
}
