//! `/reservations`: seats held for a user.

use axum::extract::{OriginalUri, State};
use axum::response::Response;
use http::StatusCode;
use poltrona_domain::{
    Command, Event, Reservation, ReservationId, SeatId, SeatSelection, SelectionError, Timestamp,
};
use utoipa::ToSchema;
use uuid::Uuid;

use super::page;
use crate::config::Currency;
use crate::http::code::Code;
use crate::http::error::{ApiError, Detail};
use crate::http::extract::{Asker, IdempotencyKey, Query, Segment};
use crate::http::fields::{Fields, Meaning, NoFields};
use crate::http::represent;
use crate::http::response::{json, outcome};
use crate::http::rule::Rule;
use crate::http::schema;
use crate::http::state::SharedApp;
use poltrona_engine::json::Object;
use poltrona_engine::ledger::Request;
use poltrona_engine::store::answer::{KeyScope, RecordedAnswer};
use poltrona_engine::store::query::Snapshot;
use poltrona_engine::wire::{Id, Money, Time, reservation_status};

/// A reservation.
#[derive(ToSchema)]
#[schema(as = Reservation, example = json!({
    "id": "0193f0c2-5b1e-7c4a-9a55-6f0d2c1b7e10",
    "seatId": "01900000-0000-7000-8000-000000100001", "userId": "ana", "status": "PENDING",
    "expiresAt": "2026-11-24T09:59:40.433Z", "createdAt": "2026-11-24T09:59:10.433Z",
    "sessionId": "01900000-0000-7000-8000-000000100000",
    "seatIds": ["01900000-0000-7000-8000-000000100001"], "seatNumbers": ["A1"], "total": 25.5,
    "movie": "Interestelar", "room": "Sala 1", "startsAt": "2026-12-01T19:00:00.000Z",
    "ticketPrice": 25.5, "currency": "BRL"
}))]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "it describes the answer; `write` makes it")]
pub(crate) struct ReservationView<'a> {
    #[schema(value_type = String, format = Uuid)]
    id: Id,
    /// The first of its seats.
    #[schema(value_type = Option<String>, format = Uuid)]
    seat_id: Option<Id>,
    user_id: &'a str,
    #[schema(value_type = schema::ReservationStatus)]
    status: &'static str,
    #[schema(value_type = String, format = DateTime)]
    expires_at: Time,
    #[schema(value_type = String, format = DateTime)]
    created_at: Time,
    #[schema(value_type = String, format = Uuid)]
    session_id: Id,
    /// Its seats, in the order they were asked for.
    #[schema(value_type = Vec<String>)]
    seat_ids: Vec<Id>,
    seat_numbers: Vec<String>,
    #[schema(value_type = f64)]
    total: Money,
    /// Film, room, start and price as they were when the seats were held.
    movie: &'a str,
    room: &'a str,
    #[schema(value_type = String, format = DateTime)]
    starts_at: Time,
    /// The price of each seat.
    #[schema(value_type = f64)]
    ticket_price: Money,
    /// ISO 4217.
    #[schema(value_type = String, example = "BRL", min_length = 3, max_length = 3)]
    currency: Currency,
}

/// One seat, or several of one session.
#[derive(ToSchema)]
#[schema(example = json!({
    "seatId": "01900000-0000-7000-8000-000000100001", "userId": "ana"
}))]
#[expect(dead_code, reason = "it describes the body; `Fields` reads it")]
#[serde(untagged)]
pub(crate) enum Reserve {
    One(ReserveSeat),
    Several(ReserveSeats),
}

/// Reserves one seat.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "it describes the body; `Fields` reads it")]
pub(crate) struct ReserveSeat {
    seat_id: Uuid,
    #[schema(min_length = 1, max_length = 200)]
    user_id: String,
}

/// Reserves several seats of one session, all of them or none.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "it describes the body; `Fields` reads it")]
pub(crate) struct ReserveSeats {
    #[schema(min_items = 1, max_items = 10)]
    seat_ids: Vec<Uuid>,
    #[schema(min_length = 1, max_length = 200)]
    user_id: String,
}

/// Writes a reservation as [`ReservationView`] describes it.
fn write(
    json: &mut Vec<u8>,
    reservation: &Reservation,
    now: Timestamp,
    currency: Currency,
) -> serde_json::Result<()> {
    let showing = &reservation.showing;
    let mut view = Object::begin(json);
    view.id("id", *reservation.id.as_uuid());
    view.first_id("seatId", reservation.seat_ids());
    view.text("userId", reservation.user.as_str())?;
    view.plain("status", reservation_status(reservation.status_at(now)));
    view.time("expiresAt", reservation.expires_at);
    view.time("createdAt", reservation.created_at);
    view.id("sessionId", *reservation.session.as_uuid());
    view.ids("seatIds", reservation.seat_ids())?;
    view.labels("seatNumbers", &reservation.seats)?;
    view.money("total", reservation.total)?;
    view.text("movie", &showing.movie)?;
    view.text("room", &showing.room)?;
    view.time("startsAt", showing.starts_at);
    view.money("ticketPrice", reservation.seat_price())?;
    view.plain("currency", currency.as_str());
    view.end();
    Ok(())
}

/// Reserve seats, all of them or none.
///
/// They are held until `expiresAt`; pay before that.
#[utoipa::path(
    post, path = "/reservations", tag = "reservations", operation_id = "reserve",
    request_body = Reserve,
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes a retry safe.")),
    responses((status = 201, description = "Held.", body = ReservationView,
        headers(("Location" = String, description = "The reservation."),
                ("Idempotency-Replayed" = bool, description = "A repeated answer."))))
)]
pub(crate) async fn reserve(
    State(app): State<SharedApp>,
    Asker(actor): Asker,
    key: IdempotencyKey,
    mut fields: Fields,
) -> Result<Response, ApiError> {
    let seats = read_seats(&mut fields);
    let user = fields.user("userId");
    let meaning = fields.finish()?;
    let (seats, user) = seats.zip(user).ok_or(ApiError::new(Code::Internal))?;
    let seats = seats?;
    let scope = || KeyScope::Named(user.as_str().to_owned());
    let (hold, currency) = (app.config.hold_ttl, app.config.currency);
    let record = move |events: &[Event]| record_reserved(events, currency);
    let key = key.of(scope, "POST /reservations", &meaning, record);
    let command =
        Command::Reserve { reservation: app.engine.env.ids.reservation(), seats, user, hold };
    Ok(outcome(app.engine.submit(Request { actor, command, key }).await?, record))
}

/// The seats to reserve; an error when an id belongs to no seat; `None` when a rule is broken.
fn read_seats(fields: &mut Fields) -> Option<Result<SeatSelection, ApiError>> {
    let (name, ids) = match (fields.has("seatId"), fields.has("seatIds")) {
        (true, false) => ("seatId", vec![fields.seat("seatId")?]),
        (false, true) => ("seatIds", fields.seats("seatIds")?),
        (both, _) => {
            fields.broke("seatId", Rule::EitherOr("seatIds"));
            if both {
                // Both are read, so that they do not count as unknown fields.
                let _ = (fields.seat("seatId"), fields.seats("seatIds"));
            }
            return None;
        }
    };
    if (1..ids.len()).any(|place| ids[..place].contains(&ids[place])) {
        fields.broke(name, Rule::Distinct);
        return None;
    }
    let seats: Vec<_> = ids.iter().copied().filter_map(SeatId::from_uuid).collect();
    let are_known = seats.len() == ids.len();
    let rule = match SeatSelection::new(seats) {
        Err(SelectionError::SeveralSessions) => Rule::OneSession,
        Err(SelectionError::Repeated(_)) => Rule::Distinct,
        _ if !are_known => {
            let unknown = ids.into_iter().filter(|id| SeatId::from_uuid(*id).is_none());
            let detail = Detail::Unknown(unknown.collect());
            return Some(Err(ApiError { code: Code::SeatNotFound, detail }));
        }
        Ok(selection) => return Some(Ok(selection)),
        Err(SelectionError::Empty | SelectionError::TooMany) => Rule::Seats(Reservation::MAX_SEATS),
    };
    fields.broke(name, rule);
    None
}

/// The answer to a new or extended reservation: as it is in the event.
fn record(events: &[Event], currency: Currency, status: StatusCode) -> RecordedAnswer {
    let reservation = events.iter().find_map(Event::reservation);
    let body =
        reservation.map(|it| represent::written(|json| write(json, it, it.created_at, currency)));
    RecordedAnswer {
        status: status.as_u16(),
        location: reservation.map(|it| format!("/reservations/{}", it.id)),
        body: body.and_then(Result::ok).unwrap_or_default().into(),
    }
}

fn record_reserved(events: &[Event], currency: Currency) -> RecordedAnswer {
    record(events, currency, StatusCode::CREATED)
}

fn record_extended(events: &[Event], currency: Currency) -> RecordedAnswer {
    RecordedAnswer { location: None, ..record(events, currency, StatusCode::OK) }
}

/// Show a reservation.
#[utoipa::path(
    get, path = "/reservations/{id}", tag = "reservations", operation_id = "getReservation",
    params(("id" = String, Path, format = Uuid, description = "The reservation.")),
    responses((status = 200, description = "The reservation.", body = ReservationView))
)]
pub(crate) async fn show(
    State(app): State<SharedApp>,
    Asker(actor): Asker,
    id: Segment,
) -> Result<Response, ApiError> {
    let id = reservation_id(&id)?;
    let Snapshot { rows, at } = app.engine.store.reservation(&actor, id).await?;
    let reservation = rows.ok_or(ApiError::new(Code::ReservationNotFound))?;
    let currency = app.config.currency;
    Ok(json(StatusCode::OK, represent::written(|json| write(json, &reservation, at, currency))))
}

/// A user's reservations, newest first.
#[utoipa::path(
    get, path = "/reservations/user/{userId}", tag = "reservations",
    operation_id = "listReservations",
    params(
        ("userId" = String, Path, description = "Whose."),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 1000,
            description = "1 to 1,000, the default."),
        ("after" = Option<String>, Query, format = Uuid, description = "The last id of the page before."),
    ),
    responses((status = 200, description = "Their reservations; `[]` if none.",
        body = Vec<ReservationView>,
        headers(("Link" = String, description = "The next page, when there may be one."))))
)]
pub(crate) async fn of_user(
    State(app): State<SharedApp>,
    Asker(actor): Asker,
    OriginalUri(uri): OriginalUri,
    user: Segment,
    query: Query,
) -> Result<Response, ApiError> {
    let (user, page) = (user.user(), page::asked(&query)?);
    let Snapshot { rows, at } = app.engine.store.reservations_of(&actor, user, page).await?;
    let reservations = rows.ok_or_else(page::no_such_entry)?;
    let currency = app.config.currency;
    let write = |json: &mut Vec<u8>, it: &Reservation| write(json, it, at, currency);
    Ok(page::show(&reservations, write, |it| *it.id.as_uuid(), page, &uri))
}

/// Give a reservation's seats back.
///
/// They are free at once. Cancelling again changes nothing.
#[utoipa::path(
    delete, path = "/reservations/{id}", tag = "reservations", operation_id = "cancelReservation",
    params(("id" = String, Path, format = Uuid, description = "The reservation.")),
    responses((status = 204, description = "Cancelled."))
)]
pub(crate) async fn cancel(
    State(app): State<SharedApp>,
    Asker(actor): Asker,
    id: Segment,
    _: NoFields,
) -> Result<StatusCode, ApiError> {
    let reservation = reservation_id(&id)?;
    let command = Command::Cancel { reservation };
    app.engine.submit(Request { actor, command, key: None }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Extend a reservation to one full hold time from now, at most three times.
#[utoipa::path(
    post, path = "/reservations/{id}/extend", tag = "reservations",
    operation_id = "extendReservation",
    params(
        ("id" = String, Path, format = Uuid, description = "The reservation."),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes a retry safe."),
    ),
    responses((status = 200, description = "The extended reservation.", body = ReservationView))
)]
pub(crate) async fn extend(
    State(app): State<SharedApp>,
    Asker(actor): Asker,
    id: Segment,
    key: IdempotencyKey,
    _: NoFields,
) -> Result<Response, ApiError> {
    let reservation = reservation_id(&id)?;
    let request = format!("POST /reservations/{reservation}/extend");
    let currency = app.config.currency;
    let record = move |events: &[Event]| record_extended(events, currency);
    let key = key.of(|| KeyScope::OfReservation, &request, &Meaning::none(), record);
    let command = Command::Extend { reservation, hold: app.config.hold_ttl };
    Ok(outcome(app.engine.submit(Request { actor, command, key }).await?, record))
}

/// A reservation's id; a malformed one is answered as not found.
fn reservation_id(id: &Segment) -> Result<ReservationId, ApiError> {
    let id = id.id().ok_or(ApiError::new(Code::ReservationNotFound))?;
    Ok(ReservationId::from_uuid(id))
}

#[cfg(test)]
mod tests {
    use poltrona_domain::{Cents, ReservationStatus, SeatNo, SessionId, Showing, UserId};

    use super::*;

    /// Answers are recorded, and given again after an update of the program.
    #[test]
    fn the_text_of_a_reservation_never_changes() {
        let at = Timestamp::from_millis;
        let reservation = Reservation {
            id: ReservationId::from_uuid(Uuid::from_u128(7)),
            session: SessionId::mint(Uuid::from_u128(1 << 64)),
            showing: Showing {
                version: 1,
                movie: "Ação".to_owned(),
                room: "Sala 1".to_owned(),
                starts_at: at(3),
            },
            seats: [9, 1].map(|no| SeatNo::new(no).unwrap()).to_vec(),
            user: UserId::new("\"ana\"\n"),
            total: Cents::new(5_110),
            status: ReservationStatus::Confirmed,
            created_at: at(1),
            expires_at: at(2),
            extensions: 0,
        };
        let mut json = Vec::new();
        write(&mut json, &reservation, at(1), Currency::BRL).unwrap();
        let [seat, other] = [0, 1].map(|place| reservation.seat_ids().nth(place).unwrap());
        let (id, session) = (reservation.id, reservation.session);
        let expected = format!(
            r#"{{"id":"{id}","seatId":"{seat}","userId":"\"ana\"\n","status":"CONFIRMED","expiresAt":"1970-01-01T00:00:00.002Z","createdAt":"1970-01-01T00:00:00.001Z","sessionId":"{session}","seatIds":["{seat}","{other}"],"seatNumbers":["B1","A1"],"total":51.1,"movie":"Ação","room":"Sala 1","startsAt":"1970-01-01T00:00:00.003Z","ticketPrice":25.55,"currency":"BRL"}}"#
        );
        assert_eq!(String::from_utf8(json).unwrap(), expected);
    }
}
