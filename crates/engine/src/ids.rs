//! The one source of new ids: UUIDv7, so that what is made together is stored together.

use poltrona_domain::{ReservationId, SaleId, SessionId};
use uuid::Uuid;

/// A fresh UUIDv7.
#[expect(clippy::disallowed_methods, reason = "this is the one source of ids")]
pub fn fresh() -> Uuid {
    Uuid::now_v7()
}

/// A fresh session id; its seats' ids follow from it.
pub fn session() -> SessionId {
    SessionId::mint(fresh())
}

/// A fresh reservation id.
pub fn reservation() -> ReservationId {
    ReservationId::from_uuid(fresh())
}

/// A fresh sale id.
pub fn sale() -> SaleId {
    SaleId::from_uuid(fresh())
}
