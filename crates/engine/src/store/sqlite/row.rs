//! Rows read into the domain's types, and written from them.

use poltrona_domain::{
    Cents, Reservation, ReservationId, ReservationStatus, Sale, SaleId, Seat, SeatNo, SeatState,
    Session, SessionId, Showing, Timestamp, UserId,
};
use rusqlite::types::{FromSqlError, Type};
use rusqlite::{Error, Result, Row};
use uuid::Uuid;

/// The columns that [`session`] reads, in order.
pub(super) const SESSION: &str = "id, movie, room, starts_at, price_cents, layout, created_at, \
                                  closed_at, version, changed_at";
/// The columns that [`seat`] reads, in order.
pub(super) const SEAT: &str = "session_id, seat_no, status, reservation_id, hold_until, version";

pub(super) fn session(row: &Row<'_>) -> Result<Session> {
    let layout: String = row.get(5)?;
    let changed_at = row.get::<_, Option<i64>>(9)?.map(Timestamp::from_millis);
    Ok(Session {
        id: session_id(row, 0)?,
        movie: row.get(1)?,
        room: row.get(2)?,
        starts_at: time(row, 3)?,
        price: Cents::new(row.get(4)?),
        layout: layout.parse().map_err(|error| unreadable(5, Type::Text, error))?,
        version: row.get(8)?,
        changed_at: changed_at.unwrap_or(time(row, 6)?),
        created_at: time(row, 6)?,
        closed_at: row.get::<_, Option<i64>>(7)?.map(Timestamp::from_millis),
    })
}

pub(super) fn seat(row: &Row<'_>) -> Result<Seat> {
    let by = || uuid(row, 3).map(ReservationId::from_uuid);
    let state = match row.get_ref(2)?.as_str()? {
        "AVAILABLE" => SeatState::Available,
        "RESERVED" => SeatState::Held { by: by()?, until: time(row, 4)? },
        "SOLD" => SeatState::Sold { by: by()? },
        other => return Err(unreadable(2, Type::Text, Unknown(other.to_owned()))),
    };
    let no = seat_no(1, row.get(1)?)?;
    Ok(Seat { id: session_id(row, 0)?.seat(no), state, version: row.get(5)? })
}

pub(super) fn reservation(row: &Row<'_>) -> Result<Reservation> {
    let status = match row.get_ref(5)?.as_str()? {
        "PENDING" => ReservationStatus::Pending,
        "CONFIRMED" => ReservationStatus::Confirmed,
        "EXPIRED" => ReservationStatus::Expired,
        "CANCELLED" => ReservationStatus::Cancelled,
        other => return Err(unreadable(5, Type::Text, Unknown(other.to_owned()))),
    };
    Ok(Reservation {
        id: ReservationId::from_uuid(uuid(row, 0)?),
        session: session_id(row, 1)?,
        showing: Showing {
            version: row.get(9)?,
            movie: row.get(10)?,
            room: row.get(11)?,
            starts_at: time(row, 12)?,
        },
        seats: seat_nos(row, 2)?,
        user: UserId::new(row.get_ref(3)?.as_str()?),
        total: Cents::new(row.get(4)?),
        status,
        created_at: time(row, 6)?,
        expires_at: time(row, 7)?,
        extensions: row.get(8)?,
    })
}

/// Reads the columns of `sales`, then the reservation's `seat_nos`.
pub(super) fn sale(row: &Row<'_>) -> Result<Sale> {
    Ok(Sale {
        id: SaleId::from_uuid(uuid(row, 0)?),
        reservation: ReservationId::from_uuid(uuid(row, 1)?),
        session: session_id(row, 2)?,
        user: UserId::new(row.get_ref(3)?.as_str()?),
        total: Cents::new(row.get(4)?),
        movie: row.get(5)?,
        room: row.get(6)?,
        starts_at: time(row, 7)?,
        paid_at: time(row, 8)?,
        seats: seat_nos(row, 9)?,
    })
}

pub(super) fn uuid(row: &Row<'_>, column: usize) -> Result<Uuid> {
    let bytes = row.get_ref(column)?.as_blob()?;
    Uuid::from_slice(bytes).map_err(|error| unreadable(column, Type::Blob, error))
}

pub(super) fn time(row: &Row<'_>, column: usize) -> Result<Timestamp> {
    row.get(column).map(Timestamp::from_millis)
}

fn session_id(row: &Row<'_>, column: usize) -> Result<SessionId> {
    let id = uuid(row, column)?;
    SessionId::from_uuid(id).ok_or_else(|| unreadable(column, Type::Blob, Unknown(id.to_string())))
}

fn seat_no(column: usize, no: u16) -> Result<SeatNo> {
    SeatNo::new(no).ok_or_else(|| unreadable(column, Type::Integer, Unknown(no.to_string())))
}

fn seat_nos(row: &Row<'_>, column: usize) -> Result<Vec<SeatNo>> {
    let text = row.get_ref(column)?.as_str()?;
    text.split(',')
        .map(|no| {
            let no = no.parse().map_err(|error| unreadable(column, Type::Text, error))?;
            seat_no(column, no)
        })
        .collect()
}

/// Seat numbers as they are stored: `1,2,3`, in the order they were asked for.
pub(super) fn join_seat_nos(seats: &[SeatNo]) -> String {
    use std::fmt::Write as _;
    seats.iter().enumerate().fold(String::with_capacity(4 * seats.len()), |mut text, (i, no)| {
        let comma = if i == 0 { "" } else { "," };
        // Writing into a string cannot fail.
        let _ = write!(text, "{comma}{}", no.get());
        text
    })
}

/// A stored text or number that means nothing to this program.
#[derive(Debug, thiserror::Error)]
#[error("unknown value {0:?}")]
struct Unknown(String);

fn unreadable(
    column: usize,
    kind: Type,
    error: impl std::error::Error + Send + Sync + 'static,
) -> Error {
    Error::FromSqlConversionFailure(column, kind, FromSqlError::Other(Box::new(error)).into())
}
