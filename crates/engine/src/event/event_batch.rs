//! The events of one committed batch.

use std::ops::Range;

use poltrona_domain::{Event, Timestamp};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::envelope;
use super::event_in::{Envelope, EventIn};

/// The events of one batch, in the order they were decided: what one outbox row holds, and what one
/// message carries.
#[derive(Clone, Debug)]
pub struct EventBatch {
    /// The outbox row's id, which is also the message's.
    pub id: Uuid,
    /// When the batch was decided.
    pub created_at: Timestamp,
    /// The events.
    pub events: Vec<EventIn>,
    json: String,
    /// Where each event is in the JSON.
    places: Vec<Range<usize>>,
}

/// Why JSON is no batch of events.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// It is no JSON, or lacks something.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// It holds an impossible value.
    #[error("{0}")]
    Event(String),
}

impl EventBatch {
    /// Encodes events that were decided at `now`, each with the `traceparent` of its request where
    /// there are traces. `new_id` names each of them, and at last the batch.
    pub fn encode<'a>(
        events: impl Iterator<Item = (&'a Event, Option<String>)>,
        now: Timestamp,
        mut new_id: impl FnMut() -> Uuid,
    ) -> serde_json::Result<Self> {
        let (mut typed, mut places) = (Vec::new(), Vec::new());
        let mut envelopes = envelope::Writer::new(Vec::from(b"["), now);
        for (event, traceparent) in events {
            if !typed.is_empty() {
                envelopes.json.push(b',');
            }
            let (id, start) = (new_id(), envelopes.json.len());
            envelopes.write(event, id, traceparent.as_deref())?;
            places.push(start..envelopes.json.len());
            typed.push(EventIn::of(event, id, traceparent, now));
        }
        envelopes.json.push(b']');
        let json = String::from_utf8(envelopes.json).map_err(serde::ser::Error::custom)?;
        Ok(Self { id: new_id(), created_at: now, events: typed, json, places })
    }

    /// Reads what another process encoded, in this version or an earlier one.
    pub fn read(id: Uuid, created_at: Timestamp, json: String) -> Result<Self, Unreadable> {
        let raw: Vec<&RawValue> = serde_json::from_str(&json)?;
        let (mut events, mut places) =
            (Vec::with_capacity(raw.len()), Vec::with_capacity(raw.len()));
        for event in raw {
            let start = event.get().as_ptr() as usize - json.as_ptr() as usize;
            places.push(start..start + event.get().len());
            let envelope: Envelope = serde_json::from_str(event.get())?;
            events.push(EventIn::try_from(envelope).map_err(Unreadable::Event)?);
        }
        Ok(Self { id, created_at, events, json, places })
    }

    /// All of them as they travel together: a JSON array of envelopes.
    pub fn json(&self) -> &str {
        &self.json
    }

    /// Each event, and its own JSON.
    pub fn each(&self) -> impl Iterator<Item = (&EventIn, &str)> {
        self.events.iter().zip(self.places.iter().map(|place| &self.json[place.clone()]))
    }

    /// The requests that caused them, by their `traceparent`.
    pub fn traceparents(&self) -> impl Iterator<Item = &str> {
        self.events.iter().filter_map(|event| event.traceparent.as_deref())
    }
}

#[cfg(test)]
mod tests {
    use poltrona_domain::{
        Cents, EventKind, Layout, Reservation, ReservationId, ReservationStatus, Sale, SaleId,
        Seat, SeatNo, Session, SessionId, UserId,
    };

    use super::*;
    use crate::event::Kind;

    const NOW: Timestamp = Timestamp::from_millis(1_795_514_400_000);

    /// One event of each kind.
    fn every_event() -> Vec<Event> {
        let session = Session {
            id: SessionId::mint(Uuid::from_u128(1 << 64)),
            movie: "Ação".to_owned(),
            room: "Sala \"1\"".to_owned(),
            starts_at: NOW,
            price: Cents::new(2_550),
            layout: Layout::new(16).unwrap(),
            version: Session::FIRST_VERSION,
            changed_at: NOW,
            created_at: NOW,
            closed_at: None,
        };
        let reservation = Reservation {
            id: ReservationId::from_uuid(Uuid::from_u128(7)),
            session: session.id,
            showing: session.showing(),
            seats: [1, 2].map(|no| SeatNo::new(no).unwrap()).to_vec(),
            user: UserId::new("ana"),
            total: Cents::new(5_110),
            status: ReservationStatus::Pending,
            created_at: NOW,
            expires_at: NOW,
            extensions: 0,
        };
        let sale = Sale {
            id: SaleId::from_uuid(Uuid::from_u128(8)),
            reservation: reservation.id,
            session: session.id,
            seats: reservation.seats.clone(),
            user: reservation.user.clone(),
            total: reservation.total,
            movie: session.movie.clone(),
            room: session.room.clone(),
            starts_at: NOW,
            paid_at: NOW,
        };
        let seats: Vec<_> = reservation.seat_ids().map(Seat::new).collect();
        let (of, with) = (|| reservation.clone(), || seats.clone());
        vec![
            Event::SessionCreated(session.clone()),
            Event::SessionUpdated(session.clone()),
            Event::SessionClosed(session.clone()),
            Event::ReservationCreated { reservation: of(), seats: with() },
            Event::ReservationExtended { reservation: of(), seats: with() },
            Event::ReservationCancelled { reservation: of() },
            Event::ReservationExpired { reservation: of() },
            Event::PaymentConfirmed { reservation: of(), sale, seats: with() },
            Event::SeatReleased {
                reservation: reservation.id,
                user: reservation.user.clone(),
                seats: with(),
                at: NOW,
            },
        ]
    }

    fn encoded() -> EventBatch {
        let traced = |place: usize| (place == 3).then(|| "00-trace".to_owned());
        let events = every_event();
        let events = events.iter().enumerate().map(|(place, event)| (event, traced(place)));
        let mut next = 0;
        let id = || {
            next += 1;
            Uuid::from_u128(next)
        };
        EventBatch::encode(events, NOW, id).unwrap()
    }

    #[test]
    fn a_batch_reads_back_as_it_was_encoded() {
        let made = encoded();
        assert_eq!(made.events.len(), EventKind::ALL.len());
        let read = EventBatch::read(made.id, NOW, made.json().to_owned()).unwrap();
        assert_eq!(read.events, made.events);
        let alone = |batch: &EventBatch| {
            batch.each().map(|(event, json)| (event.id, json.to_owned())).collect::<Vec<_>>()
        };
        assert_eq!(alone(&read), alone(&made));
        let together = alone(&made).into_iter().map(|(_, json)| json).collect::<Vec<_>>().join(",");
        assert_eq!(format!("[{together}]"), made.json());
        assert_eq!(read.traceparents().collect::<Vec<_>>(), ["00-trace"]);
    }

    #[test]
    fn version_1_is_read_to_the_cent() {
        let json = encoded().json().to_owned();
        let mut old: serde_json::Value = serde_json::from_str(&json).unwrap();
        for event in old.as_array_mut().unwrap() {
            let envelope = event.as_object_mut().unwrap();
            assert_eq!(envelope.remove("dataschema").unwrap(), crate::event::SCHEMA);
            let data = envelope["data"].as_object_mut().unwrap();
            data.remove("totalCents");
            data.remove("ticketPriceCents");
        }
        let read = EventBatch::read(Uuid::nil(), NOW, old.to_string()).unwrap();
        assert_eq!(read.events, encoded().events);
        for (amount, cents) in [("0.29", 29), ("1.1", 110), ("999999999.99", 99_999_999_999)] {
            let json = format!(r#"[{{"type":"x","time":"","data":{{"total":{amount}}}}}]"#);
            let read = EventBatch::read(Uuid::nil(), NOW, json).unwrap();
            assert_eq!(read.events[0].total, Some(Cents::new(cents)), "{amount}");
        }
    }

    #[test]
    fn a_later_version_is_read_as_far_as_it_is_known() {
        let json = r#"[{"type":"seat.moved","time":"2026-03-01T19:30:00.000Z","new":1,
            "data":{"seatIds":["01900000-0000-7000-8000-000000100001"],"other":[]}}]"#;
        let read = EventBatch::read(Uuid::nil(), NOW, json.to_owned()).unwrap();
        assert_eq!(read.events[0].kind, Kind::Unknown("seat.moved".to_owned()));
        assert_eq!((read.events[0].kind.known(), read.events[0].seats), (None, 1));
    }

    #[test]
    fn a_total_that_no_sale_has_is_refused() {
        for field in [
            r#""total":1e17"#,
            r#""total":-1"#,
            r#""totalCents":-1"#,
            r#""totalCents":100000000001"#,
        ] {
            let json = format!(r#"[{{"type":"x","time":"","data":{{{field}}}}}]"#);
            let read = EventBatch::read(Uuid::nil(), NOW, json);
            assert!(matches!(read, Err(Unreadable::Event(_))), "{field}");
        }
        assert!(matches!(
            EventBatch::read(Uuid::nil(), NOW, "poison".to_owned()),
            Err(Unreadable::Json(_))
        ));
    }
}
