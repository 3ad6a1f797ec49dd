//! An event as its followers see it.

use poltrona_domain::{
    Cents, Event, EventKind, ReservationId, Seat, SeatId, SeatStatus, Timestamp,
};
use serde::Deserialize;
use uuid::Uuid;

use crate::wire::{parse_seat_status, parse_time};

/// The greatest total that is accepted: more than ten seats at the highest price.
const TOTAL_MAX: Cents = Cents::new(100_000_000_000);

/// An event as a follower needs it; fields that an event does not have stay empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventIn {
    /// Its id.
    pub id: Uuid,
    /// The kind of event.
    pub kind: Kind,
    /// When; `None` when another program wrote a time that cannot be read.
    pub at: Option<Timestamp>,
    /// The request that caused it, if it was traced.
    pub traceparent: Option<String>,
    /// The session.
    pub session: Option<Uuid>,
    /// The reservation.
    pub reservation: Option<ReservationId>,
    /// How many seats it is about; of a session that opened, how many it has.
    pub seats: usize,
    /// The seats that it changed, as it left them.
    pub changed: Vec<SeatIn>,
    /// When a hold ends.
    pub expires_at: Option<Timestamp>,
    /// The price of the seats together.
    pub total: Option<Cents>,
}

/// A seat as an event left it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeatIn {
    /// The seat.
    pub seat: SeatId,
    /// Its status; `None` for one of a later version.
    pub status: Option<SeatStatus>,
    /// Its version, which rises by one with each change.
    pub version: i64,
}

/// The kind of event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One that this version knows.
    Known(EventKind),
    /// One of a later version, by its name.
    Unknown(String),
}

impl Kind {
    /// Its name.
    pub fn name(&self) -> &str {
        match self {
            Self::Known(kind) => kind.name(),
            Self::Unknown(name) => name,
        }
    }

    /// The kind, if this version knows it.
    pub const fn known(&self) -> Option<EventKind> {
        match self {
            Self::Known(kind) => Some(*kind),
            Self::Unknown(_) => None,
        }
    }
}

impl EventIn {
    /// An event that this process decided at `now`.
    pub(super) fn of(event: &Event, id: Uuid, traceparent: Option<String>, now: Timestamp) -> Self {
        let reservation = event.reservation();
        let seats = match event {
            Event::SessionCreated(session)
            | Event::SessionUpdated(session)
            | Event::SessionClosed(session) => usize::from(session.layout.seats()),
            Event::SeatReleased { seats, .. } => seats.len(),
            _ => reservation.map_or(0, |it| it.seats.len()),
        };
        let is_hold =
            matches!(event, Event::ReservationCreated { .. } | Event::ReservationExtended { .. });
        let released = match event {
            Event::SeatReleased { reservation, .. } => Some(*reservation),
            _ => None,
        };
        Self {
            id,
            kind: Kind::Known(event.kind()),
            at: Some(now),
            traceparent,
            session: event.session().map(|session| *session.as_uuid()),
            reservation: reservation.map(|it| it.id).or(released),
            seats,
            changed: changed(event, now),
            expires_at: reservation.filter(|_| is_hold).map(|it| it.expires_at),
            total: reservation.map(|it| it.total),
        }
    }
}

fn changed(event: &Event, now: Timestamp) -> Vec<SeatIn> {
    let changed = |seat: &Seat| {
        let status = Some(seat.status_at(now));
        SeatIn { seat: seat.id, status, version: seat.version }
    };
    event.seats().iter().map(changed).collect()
}

/// An envelope of any version. What is not needed is not read.
#[derive(Deserialize)]
pub(super) struct Envelope {
    #[serde(default)]
    id: Uuid,
    r#type: String,
    time: String,
    #[serde(default)]
    traceparent: Option<String>,
    data: Data,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Data {
    session_id: Option<Uuid>,
    reservation_id: Option<Uuid>,
    seat_ids: Vec<Uuid>,
    expires_at: Option<String>,
    /// Since version 2.
    total_cents: Option<i64>,
    /// In whole units; version 1 has only this.
    total: Option<f64>,
    total_seats: Option<u16>,
    seats: Vec<SeatDelta>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct SeatDelta {
    seat_id: Uuid,
    status: String,
    version: i64,
}

impl SeatDelta {
    fn read(&self) -> Option<SeatIn> {
        let seat = SeatId::from_uuid(self.seat_id)?;
        Some(SeatIn { seat, status: parse_seat_status(&self.status), version: self.version })
    }
}

impl TryFrom<Envelope> for EventIn {
    /// Why it is no event of ours, in words.
    type Error = String;

    fn try_from(envelope: Envelope) -> Result<Self, String> {
        let Envelope { id, r#type: name, time, traceparent, data } = envelope;
        let kind = EventKind::of_name(&name).map_or(Kind::Unknown(name), Kind::Known);
        Ok(Self {
            id,
            kind,
            at: parse_time(&time),
            traceparent,
            session: data.session_id,
            reservation: data.reservation_id.map(ReservationId::from_uuid),
            seats: data.total_seats.map_or(data.seat_ids.len(), usize::from),
            changed: data.seats.iter().filter_map(SeatDelta::read).collect(),
            expires_at: data.expires_at.as_deref().and_then(parse_time),
            total: total(&data)?,
        })
    }
}

/// The total in cents. Another program's message may hold any total; one that no sale can have
/// would break the sums.
fn total(data: &Data) -> Result<Option<Cents>, String> {
    let total = match (data.total_cents, data.total) {
        (None, None) => return Ok(None),
        (Some(cents), _) => cents,
        #[expect(clippy::cast_possible_truncation, reason = "a value that is too large saturates")]
        (None, Some(amount)) => (amount * 100.0).round() as i64,
    };
    if (0..=TOTAL_MAX.get()).contains(&total) {
        Ok(Some(Cents::new(total)))
    } else {
        Err(format!("no sale has a total of {total} cents"))
    }
}
