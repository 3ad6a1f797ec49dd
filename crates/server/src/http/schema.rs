//! Types that only describe values in the OpenAPI document.

use utoipa::ToSchema;

/// A seat's status.
#[derive(ToSchema)]
#[expect(dead_code, clippy::upper_case_acronyms, reason = "it only describes")]
pub(super) enum SeatStatus {
    AVAILABLE,
    RESERVED,
    SOLD,
}

/// A reservation's status.
#[derive(ToSchema)]
#[expect(dead_code, clippy::upper_case_acronyms, reason = "it only describes")]
pub(super) enum ReservationStatus {
    PENDING,
    CONFIRMED,
    EXPIRED,
    CANCELLED,
}
