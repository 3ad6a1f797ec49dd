//! Rows read into the domain's types.

use poltrona_domain::{
    Cents, Reservation, ReservationId, ReservationStatus, Sale, SaleId, Seat, SeatNo, SeatState,
    Session, SessionId, Showing, Timestamp, UserId,
};
use tokio_postgres::Row;
use tokio_postgres::types::FromSqlOwned;
use uuid::Uuid;

use crate::store::error::Error;

/// The columns that [`session`] reads, in order.
pub(super) const SESSION: &str = "id, movie, room, starts_at, price_cents, layout, created_at, \
                                  closed_at, version, changed_at";
/// The columns that [`seat`] reads, in order.
pub(super) const SEAT: &str =
    "s.session_id, s.seat_no, s.status, s.reservation_id, s.hold_until, s.version";

/// The time as rows have it: milliseconds, cut. It differs from row to row, so that no index can be
/// searched for it: in a condition it belongs in a query of its own, `(SELECT …)`, which is
/// evaluated once.
pub(super) const NOW: &str = "floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint";

pub(super) fn get<T: FromSqlOwned>(row: &Row, column: usize) -> Result<T, Error> {
    row.try_get(column).map_err(|error| Error::Driver(error.to_string()))
}

/// `columns` says where the session's columns begin.
pub(super) fn session(row: &Row, columns: usize) -> Result<Session, Error> {
    let layout: String = get(row, columns + 5)?;
    let changed_at = get::<Option<i64>>(row, columns + 9)?.map(Timestamp::from_millis);
    Ok(Session {
        id: session_id(get(row, columns)?)?,
        movie: get(row, columns + 1)?,
        room: get(row, columns + 2)?,
        starts_at: time(row, columns + 3)?,
        price: Cents::new(get(row, columns + 4)?),
        layout: layout.parse().map_err(|_| unknown(&layout))?,
        version: version(get(row, columns + 8)?)?,
        changed_at: changed_at.unwrap_or(time(row, columns + 6)?),
        created_at: time(row, columns + 6)?,
        closed_at: get::<Option<i64>>(row, columns + 7)?.map(Timestamp::from_millis),
    })
}

/// The user of the reservation that holds a seat, which stands after the columns of [`SEAT`].
pub(super) fn holder(row: &Row) -> Result<Option<UserId>, Error> {
    Ok(get::<Option<String>>(row, 6)?.as_deref().map(UserId::new))
}

pub(super) fn seat(row: &Row) -> Result<Seat, Error> {
    let id = session_id(get(row, 0)?)?.seat(seat_no(get(row, 1)?)?);
    let (status, by, until) = (get::<String>(row, 2)?, get(row, 3)?, get(row, 4)?);
    Ok(Seat { id, state: seat_state(&status, by, until)?, version: get(row, 5)? })
}

pub(super) fn seat_state(
    status: &str,
    by: Option<Uuid>,
    until: Option<i64>,
) -> Result<SeatState, Error> {
    match (status, by.map(ReservationId::from_uuid), until.map(Timestamp::from_millis)) {
        ("AVAILABLE", None, None) => Ok(SeatState::Available),
        ("RESERVED", Some(by), Some(until)) => Ok(SeatState::Held { by, until }),
        ("SOLD", Some(by), None) => Ok(SeatState::Sold { by }),
        _ => Err(unknown(status)),
    }
}

pub(super) fn reservation(row: &Row, columns: usize) -> Result<Reservation, Error> {
    let status: String = get(row, columns + 5)?;
    let status = match status.as_str() {
        "PENDING" => ReservationStatus::Pending,
        "CONFIRMED" => ReservationStatus::Confirmed,
        "EXPIRED" => ReservationStatus::Expired,
        "CANCELLED" => ReservationStatus::Cancelled,
        other => return Err(unknown(other)),
    };
    let extensions: i16 = get(row, columns + 8)?;
    Ok(Reservation {
        id: ReservationId::from_uuid(get(row, columns)?),
        session: session_id(get(row, columns + 1)?)?,
        showing: Showing {
            version: version(get(row, columns + 9)?)?,
            movie: get(row, columns + 10)?,
            room: get(row, columns + 11)?,
            starts_at: time(row, columns + 12)?,
        },
        seats: seat_nos(get(row, columns + 2)?)?,
        user: UserId::new(&get::<String>(row, columns + 3)?),
        total: Cents::new(get(row, columns + 4)?),
        status,
        created_at: time(row, columns + 6)?,
        expires_at: time(row, columns + 7)?,
        extensions: u8::try_from(extensions).map_err(|_| unknown(&extensions.to_string()))?,
    })
}

/// Reads the columns of `sales`, then the reservation's `seat_nos`.
pub(super) fn sale(row: &Row) -> Result<Sale, Error> {
    Ok(Sale {
        id: SaleId::from_uuid(get(row, 0)?),
        reservation: ReservationId::from_uuid(get(row, 1)?),
        session: session_id(get(row, 2)?)?,
        user: UserId::new(&get::<String>(row, 3)?),
        total: Cents::new(get(row, 4)?),
        movie: get(row, 5)?,
        room: get(row, 6)?,
        starts_at: time(row, 7)?,
        paid_at: time(row, 8)?,
        seats: seat_nos(get(row, 9)?)?,
    })
}

pub(super) fn time(row: &Row, column: usize) -> Result<Timestamp, Error> {
    get(row, column).map(Timestamp::from_millis)
}

pub(super) fn session_id(id: Uuid) -> Result<SessionId, Error> {
    SessionId::from_uuid(id).ok_or_else(|| unknown(&id.to_string()))
}

pub(super) fn seat_no(no: i16) -> Result<SeatNo, Error> {
    u16::try_from(no).ok().and_then(SeatNo::new).ok_or_else(|| unknown(&no.to_string()))
}

fn version(version: i64) -> Result<u32, Error> {
    u32::try_from(version).map_err(|_| unknown(&version.to_string()))
}

fn seat_nos(nos: Vec<i16>) -> Result<Vec<SeatNo>, Error> {
    nos.into_iter().map(seat_no).collect()
}

/// A stored value that means nothing to this program.
fn unknown(value: &str) -> Error {
    Error::Driver(format!("the database holds {value:?}, which this program does not know"))
}

/// A seat's number as its column has it.
pub(super) fn number(no: SeatNo) -> i16 {
    // A seat's number has fifteen bits.
    i16::try_from(no.get()).unwrap_or(i16::MAX)
}
