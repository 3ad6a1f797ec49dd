//! The envelope in which events travel: CloudEvents 1.0 in JSON.
//!
//! One outbox row holds the events of one batch, as a JSON array in the order they were decided.

use poltrona_domain::{Event, Reservation, ReservationId, Sale, Seat, SeatId, Session, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::wire::{Id, Money, SeatNews, Time};

/// The `source` of every event.
pub const SOURCE: &str = "urn:poltrona";

#[derive(Serialize)]
struct CloudEvent<'a> {
    specversion: &'static str,
    id: Id,
    source: &'static str,
    r#type: &'static str,
    time: Time,
    subject: Id,
    datacontenttype: &'static str,
    /// The request that caused it, by the extension for distributed tracing.
    #[serde(skip_serializing_if = "Option::is_none")]
    traceparent: Option<String>,
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
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    session: Option<SessionData<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    seats: Vec<SeatNews>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SessionData<'a> {
    movie: &'a str,
    room: &'a str,
    starts_at: Time,
    ticket_price: Money,
    total_seats: u16,
}

/// The JSON of a batch's events, each with the `traceparent` of its request where there are traces:
/// `new_id` names each, `now` is when all of them happened.
pub fn encode<'a>(
    events: impl Iterator<Item = (&'a Event, Option<String>)>,
    now: Timestamp,
    mut new_id: impl FnMut() -> Uuid,
) -> serde_json::Result<String> {
    let envelopes: Vec<_> = events
        .map(|(event, traceparent)| CloudEvent {
            specversion: "1.0",
            id: Id(new_id()),
            source: SOURCE,
            r#type: event.name(),
            time: Time(now),
            subject: subject(event),
            datacontenttype: "application/json",
            traceparent,
            data: data(event, now),
        })
        .collect();
    serde_json::to_string(&envelopes)
}

/// What an event is about: its reservation, or else its session.
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
        seats: news(seats, now),
        ..Data::default()
    }
}

fn of_seats(reservation: ReservationId, seats: &[Seat], now: Timestamp) -> Data<'static> {
    Data {
        reservation_id: Some(Id(*reservation.as_uuid())),
        session_id: seats.first().map(|seat| Id(*seat.id.session().as_uuid())),
        seat_ids: Some(ids(seats.iter().map(|seat| seat.id))),
        seats: news(seats, now),
        ..Data::default()
    }
}

const fn of_sale(sale: &Sale) -> Id {
    Id(*sale.id.as_uuid())
}

fn ids(seats: impl Iterator<Item = SeatId>) -> Vec<Id> {
    seats.map(|seat| Id(*seat.as_uuid())).collect()
}

fn news(seats: &[Seat], now: Timestamp) -> Vec<SeatNews> {
    seats.iter().map(|seat| SeatNews::of(seat, now)).collect()
}

/// What consumers read of an event; fields that an event does not have stay empty.
#[derive(Debug, Deserialize)]
pub struct Received {
    /// Its name.
    pub r#type: String,
    /// When it happened, RFC 3339.
    pub time: String,
    /// The request that caused it, if there was one and it was traced.
    #[serde(default)]
    pub traceparent: Option<String>,
    /// What it is about.
    pub data: ReceivedData,
}

/// The data of a received event.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ReceivedData {
    /// The session.
    pub session_id: Option<Uuid>,
    /// The reservation.
    pub reservation_id: Option<Uuid>,
    /// The seats that it is about.
    pub seat_ids: Vec<Uuid>,
    /// When a hold ends, RFC 3339.
    pub expires_at: Option<String>,
    /// Money, in whole units.
    pub total: Option<f64>,
    /// How many seats a session has.
    pub total_seats: Option<u16>,
}
