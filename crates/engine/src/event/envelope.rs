//! The envelope in which events travel: CloudEvents 1.0 in JSON.

use poltrona_domain::{
    Event, Layout, Reservation, ReservationId, Sale, Seat, SeatId, Session, Timestamp,
};
use serde::Serialize;
use uuid::Uuid;

use crate::wire::{Id, Money, Time, seat_status};

/// The `source` of every event.
pub const SOURCE: &str = "urn:poltrona";
/// The schema of `data`. Version 1 named none; version 2 added amounts in cents. A version only
/// adds fields, so that a reader of an earlier one understands a later one.
pub const SCHEMA: &str = "urn:poltrona:events:2";

#[derive(Serialize)]
struct CloudEvent<'a> {
    specversion: &'static str,
    id: Id,
    source: &'static str,
    r#type: &'static str,
    time: Time,
    subject: Id,
    datacontenttype: &'static str,
    dataschema: &'static str,
    /// The request that caused it, by the extension for distributed tracing.
    #[serde(skip_serializing_if = "Option::is_none")]
    traceparent: Option<&'a str>,
    data: Data<'a>,
}

#[derive(Serialize, Default)]
#[serde(rename_all = "camelCase")]
struct Data<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    reservation_id: Option<Id>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_id: Option<Id>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seat_ids: Option<Vec<Id>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sale_id: Option<Id>,
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<Money>,
    #[serde(skip_serializing_if = "Option::is_none")]
    total_cents: Option<i64>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    session: Option<SessionData<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    seats: Vec<SeatDelta>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SessionData<'a> {
    movie: &'a str,
    room: &'a str,
    starts_at: Time,
    ticket_price: Money,
    ticket_price_cents: i64,
    total_seats: u16,
}

/// A seat as an event leaves it. Its version rises by one with each change, so that a reader can order
/// what arrives out of order.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SeatDelta {
    seat_id: Id,
    seat_number: String,
    status: &'static str,
    version: i64,
}

/// Writes an event that happened at `now`, named `id`, to the end of `json`.
pub(super) fn write(
    json: &mut Vec<u8>,
    event: &Event,
    id: Uuid,
    traceparent: Option<&str>,
    now: Timestamp,
) -> serde_json::Result<()> {
    let envelope = CloudEvent {
        specversion: "1.0",
        id: Id(id),
        source: SOURCE,
        r#type: event.name(),
        time: Time(now),
        subject: subject(event),
        datacontenttype: "application/json",
        dataschema: SCHEMA,
        traceparent,
        data: data(event, now),
    };
    serde_json::to_writer(json, &envelope)
}

/// The subject of an event: its reservation, or else its session.
fn subject(event: &Event) -> Id {
    match (event, event.reservation(), event.session()) {
        (Event::SeatReleased { reservation, .. }, ..) => Id(*reservation.as_uuid()),
        (_, Some(reservation), _) => Id(*reservation.id.as_uuid()),
        (_, None, Some(session)) => Id(*session.as_uuid()),
        (_, None, None) => Id(Uuid::nil()),
    }
}

fn data(event: &Event, now: Timestamp) -> Data<'_> {
    match event {
        Event::SessionCreated(session)
        | Event::SessionUpdated(session)
        | Event::SessionClosed(session) => of_session(session),
        Event::ReservationCreated { reservation, seats }
        | Event::ReservationExtended { reservation, seats } => Data {
            expires_at: Some(Time(reservation.expires_at)),
            ..of_reservation(reservation, seats, now)
        },
        Event::ReservationCancelled { reservation } | Event::ReservationExpired { reservation } => {
            of_reservation(reservation, &[], now)
        }
        Event::PaymentConfirmed { reservation, sale, seats } => {
            Data { sale_id: Some(of_sale(sale)), ..of_reservation(reservation, seats, now) }
        }
        Event::SeatReleased { reservation, user, seats, .. } => {
            Data { user_id: Some(user.as_str()), ..of_seats(*reservation, seats, now) }
        }
    }
}

fn of_session(session: &Session) -> Data<'_> {
    Data {
        session_id: Some(Id(*session.id.as_uuid())),
        session: Some(SessionData {
            movie: &session.movie,
            room: &session.room,
            starts_at: Time(session.starts_at),
            ticket_price: Money(session.price),
            ticket_price_cents: session.price.get(),
            total_seats: session.layout.seats(),
        }),
        ..Data::default()
    }
}

fn of_reservation<'a>(reservation: &'a Reservation, seats: &[Seat], now: Timestamp) -> Data<'a> {
    Data {
        reservation_id: Some(Id(*reservation.id.as_uuid())),
        session_id: Some(Id(*reservation.session.as_uuid())),
        seat_ids: Some(ids(reservation.seat_ids())),
        user_id: Some(reservation.user.as_str()),
        total: Some(Money(reservation.total)),
        total_cents: Some(reservation.total.get()),
        seats: deltas(seats, now),
        ..Data::default()
    }
}

fn of_seats(reservation: ReservationId, seats: &[Seat], now: Timestamp) -> Data<'static> {
    Data {
        reservation_id: Some(Id(*reservation.as_uuid())),
        session_id: seats.first().map(|seat| Id(*seat.id.session().as_uuid())),
        seat_ids: Some(ids(seats.iter().map(|seat| seat.id))),
        seats: deltas(seats, now),
        ..Data::default()
    }
}

const fn of_sale(sale: &Sale) -> Id {
    Id(*sale.id.as_uuid())
}

fn ids(seats: impl Iterator<Item = SeatId>) -> Vec<Id> {
    seats.map(|seat| Id(*seat.as_uuid())).collect()
}

fn deltas(seats: &[Seat], now: Timestamp) -> Vec<SeatDelta> {
    let delta = |seat: &Seat| SeatDelta {
        seat_id: Id(*seat.id.as_uuid()),
        seat_number: Layout::label(seat.id.no()),
        status: seat_status(seat.status_at(now)),
        version: seat.version,
    };
    seats.iter().map(delta).collect()
}
