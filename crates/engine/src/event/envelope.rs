//! The envelope in which events travel: CloudEvents 1.0 in JSON.

use poltrona_domain::{
    Event, Layout, Reservation, ReservationId, Sale, Seat, Session, Timestamp, UserId,
};
use uuid::Uuid;

use crate::json::Object;
use crate::wire::{Time, seat_status};

/// The `source` of every event.
pub const SOURCE: &str = "urn:poltrona";
/// The schema of `data`. Version 1 named none; version 2 added amounts in cents. A version only
/// adds fields, so that a reader of an earlier one understands a later one.
pub const SCHEMA: &str = "urn:poltrona:events:2";

/// Writes events one after the other. Most of them, and all of a batch, share their times.
pub(super) struct Writer {
    pub(super) json: Vec<u8>,
    now: Timestamp,
    now_text: String,
    until: (Timestamp, String),
}

impl Writer {
    /// Writes events that happened at `now`, to the end of `json`.
    pub(super) fn new(json: Vec<u8>, now: Timestamp) -> Self {
        let now_text = Time(now).to_string();
        Self { json, now, until: (now, now_text.clone()), now_text }
    }

    /// Writes an event, named `id`.
    pub(super) fn write(
        &mut self,
        event: &Event,
        id: Uuid,
        traceparent: Option<&str>,
    ) -> serde_json::Result<()> {
        let mut envelope = Object::begin(&mut self.json);
        envelope.plain("specversion", "1.0");
        envelope.id("id", id);
        envelope.plain("source", SOURCE);
        envelope.plain("type", event.name());
        envelope.plain("time", &self.now_text);
        envelope.id("subject", subject(event));
        envelope.plain("datacontenttype", "application/json");
        envelope.plain("dataschema", SCHEMA);
        if let Some(request) = traceparent {
            envelope.text("traceparent", request)?;
        }
        envelope.name("data");
        self.data(event)?;
        Object::of(&mut self.json).end();
        Ok(())
    }

    fn data(&mut self, event: &Event) -> serde_json::Result<()> {
        match event {
            Event::SessionCreated(session)
            | Event::SessionUpdated(session)
            | Event::SessionClosed(session) => self.session(session),
            Event::ReservationCreated { reservation, seats }
            | Event::ReservationExtended { reservation, seats } => {
                self.reservation(reservation, Some(reservation.expires_at), None, seats)
            }
            Event::ReservationCancelled { reservation }
            | Event::ReservationExpired { reservation } => {
                self.reservation(reservation, None, None, &[])
            }
            Event::PaymentConfirmed { reservation, sale, seats } => {
                self.reservation(reservation, None, Some(sale), seats)
            }
            Event::SeatReleased { reservation, user, seats, .. } => {
                self.seats(*reservation, user, seats)
            }
        }
    }

    fn session(&mut self, session: &Session) -> serde_json::Result<()> {
        let mut data = Object::begin(&mut self.json);
        data.id("sessionId", *session.id.as_uuid());
        data.text("movie", &session.movie)?;
        data.text("room", &session.room)?;
        data.time("startsAt", session.starts_at);
        data.money("ticketPrice", session.price)?;
        data.value("ticketPriceCents", &session.price.get())?;
        data.value("totalSeats", &session.layout.seats())?;
        data.end();
        Ok(())
    }

    fn reservation(
        &mut self,
        reservation: &Reservation,
        expires_at: Option<Timestamp>,
        sale: Option<&Sale>,
        seats: &[Seat],
    ) -> serde_json::Result<()> {
        if let Some(at) = expires_at.filter(|at| self.until.0 != *at) {
            self.until = (at, Time(at).to_string());
        }
        let mut data = Object::begin(&mut self.json);
        data.id("reservationId", *reservation.id.as_uuid());
        data.id("sessionId", *reservation.session.as_uuid());
        data.ids("seatIds", reservation.seat_ids())?;
        data.text("userId", reservation.user.as_str())?;
        if expires_at.is_some() {
            data.plain("expiresAt", &self.until.1);
        }
        if let Some(sale) = sale {
            data.id("saleId", *sale.id.as_uuid());
        }
        data.money("total", reservation.total)?;
        data.value("totalCents", &reservation.total.get())?;
        self.seats_as_left(seats)
    }

    fn seats(
        &mut self,
        reservation: ReservationId,
        user: &UserId,
        seats: &[Seat],
    ) -> serde_json::Result<()> {
        let mut data = Object::begin(&mut self.json);
        data.id("reservationId", *reservation.as_uuid());
        if let Some(seat) = seats.first() {
            data.id("sessionId", *seat.id.session().as_uuid());
        }
        data.ids("seatIds", seats.iter().map(|seat| seat.id))?;
        data.text("userId", user.as_str())?;
        self.seats_as_left(seats)
    }

    /// Ends `data` with the seats as the event leaves them. The version of a seat rises by one with each change,
    /// so that a reader can order what arrives out of order.
    fn seats_as_left(&mut self, seats: &[Seat]) -> serde_json::Result<()> {
        let (mut data, now) = (Object::of(&mut self.json), self.now);
        if !seats.is_empty() {
            data.list("seats", seats, |json, seat| {
                let mut delta = Object::begin(json);
                delta.id("seatId", *seat.id.as_uuid());
                delta.plain("seatNumber", &Layout::label(seat.id.no()));
                delta.plain("status", seat_status(seat.status_at(now)));
                delta.value("version", &seat.version)?;
                delta.end();
                Ok(())
            })?;
        }
        data.end();
        Ok(())
    }
}

/// The subject of an event: its reservation, or else its session.
fn subject(event: &Event) -> Uuid {
    match (event, event.reservation(), event.session()) {
        (Event::SeatReleased { reservation, .. }, ..) => *reservation.as_uuid(),
        (_, Some(reservation), _) => *reservation.id.as_uuid(),
        (_, None, Some(session)) => *session.as_uuid(),
        (_, None, None) => Uuid::nil(),
    }
}
