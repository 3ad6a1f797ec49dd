//! `/sessions`: showings of films.

use axum::extract::{OriginalUri, State};
use axum::response::Response;
use http::StatusCode;
use poltrona_domain::{
    Cents, Command, DecimalError, Event, Layout, MoneyError, Seat, Session, SessionChange,
    SessionId, Timestamp,
};
use serde::Serialize;
use utoipa::ToSchema;

use super::page;
use crate::config::Currency;
use crate::http::code::Code;
use crate::http::error::ApiError;
use crate::http::extract::{Asker, IdempotencyKey, Query, Segment};
use crate::http::fields::{Fields, NoFields};
use crate::http::kept::View;
use crate::http::precondition::Required;
use crate::http::preferences::Preferences;
use crate::http::represent;
use crate::http::response::{answer, json};
use crate::http::rule::Rule;
use crate::http::schema;
use crate::http::state::SharedApp;
use poltrona_engine::ledger::{Outcome, Request};
use poltrona_engine::store::answer::{KeyScope, RecordedAnswer};
use poltrona_engine::store::query::{Room, SessionFilter};
use poltrona_engine::wire::{Id, Money, Time, parse_time, parse_time_to_its_end, seat_status};

/// A session. `seats` is present only when one session is asked for.
#[derive(Serialize, ToSchema)]
#[schema(as = Session, example = json!({
    "id": "01900000-0000-7000-8000-000000100000", "movie": "Interestelar", "room": "Sala 1",
    "startsAt": "2026-12-01T19:00:00.000Z", "ticketPrice": 25.5,
    "currency": "BRL", "createdAt": "2026-11-24T09:59:10.433Z",
    "seats": [{"id": "01900000-0000-7000-8000-000000100001", "seatNumber": "A1",
               "status": "AVAILABLE"}]
}))]
#[serde(rename_all = "camelCase")]
pub(crate) struct SessionView<'a> {
    #[schema(value_type = String, format = Uuid)]
    id: Id,
    movie: &'a str,
    room: &'a str,
    #[schema(value_type = String, format = DateTime)]
    starts_at: Time,
    #[schema(value_type = f64)]
    ticket_price: Money,
    /// ISO 4217.
    #[schema(value_type = String, example = "BRL", min_length = 3, max_length = 3)]
    currency: Currency,
    #[schema(value_type = String, format = DateTime)]
    created_at: Time,
    #[serde(skip_serializing_if = "Option::is_none")]
    seats: Option<Vec<SeatView>>,
}

/// A seat of a session.
#[derive(Serialize, ToSchema)]
#[schema(as = Seat)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SeatView {
    #[schema(value_type = String, format = Uuid)]
    id: Id,
    seat_number: String,
    #[schema(value_type = schema::SeatStatus)]
    status: &'static str,
}

/// A session to open.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase", example = json!({
    "movie": "Interestelar", "room": "Sala 3", "startsAt": "2026-12-01T19:00:00.000Z",
    "ticketPrice": 25.5, "totalSeats": 48
}))]
#[expect(dead_code, reason = "it describes the body; `Fields` reads it")]
pub(crate) struct OpenSession {
    /// The film, not blank, at most 200 characters.
    #[schema(min_length = 1, max_length = 200)]
    movie: String,
    /// The room, not blank, at most 200 characters.
    #[schema(min_length = 1, max_length = 200)]
    room: String,
    /// ISO 8601 date or date-time, years 2000 to 2100; without an offset it is UTC.
    starts_at: String,
    /// 0 to 99,999,999.99, at most two decimals.
    #[schema(minimum = 0, maximum = 99_999_999.99)]
    ticket_price: f64,
    /// Seats, in rows of eight.
    #[schema(minimum = 16, maximum = 10_000)]
    total_seats: u16,
}

/// The changes to a session; at least one field.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase", example = json!({"room": "Sala 1", "ticketPrice": 30}))]
#[expect(dead_code, reason = "it describes the body; `Fields` reads it")]
pub(crate) struct UpdateSession {
    #[schema(min_length = 1, max_length = 200, nullable = false)]
    movie: Option<String>,
    #[schema(min_length = 1, max_length = 200, nullable = false)]
    room: Option<String>,
    #[schema(nullable = false)]
    starts_at: Option<String>,
    #[schema(minimum = 0, maximum = 99_999_999.99, nullable = false)]
    ticket_price: Option<f64>,
}

impl<'a> SessionView<'a> {
    fn of(session: &'a Session, currency: Currency) -> Self {
        Self {
            id: Id(*session.id.as_uuid()),
            movie: &session.movie,
            room: &session.room,
            starts_at: Time(session.starts_at),
            ticket_price: Money(session.price),
            currency,
            created_at: Time(session.created_at),
            seats: None,
        }
    }

    fn with_seats(
        session: &'a Session,
        currency: Currency,
        seats: &[Seat],
        now: Timestamp,
    ) -> Self {
        let seats = seats.iter().map(|seat| SeatView::of(seat, now)).collect();
        Self { seats: Some(seats), ..Self::of(session, currency) }
    }
}

impl SeatView {
    fn of(seat: &Seat, now: Timestamp) -> Self {
        Self {
            id: poltrona_engine::wire::id(seat.id),
            seat_number: Layout::label(seat.id.no()),
            status: seat_status(seat.status_at(now)),
        }
    }
}

/// Open a session.
///
/// Its seats are created with it, in rows of eight: `A1` to `A8`, `B1`, …
#[utoipa::path(
    post, path = "/sessions", tag = "sessions", operation_id = "openSession",
    request_body = OpenSession,
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes a retry safe.")),
    responses((status = 201, description = "The session with its seats.", body = SessionView,
        headers(("Location" = String, description = "The session."),
                ("Idempotency-Replayed" = bool, description = "A repeated answer."))))
)]
pub(crate) async fn open(
    State(app): State<SharedApp>,
    Asker(actor): Asker,
    key: IdempotencyKey,
    mut fields: Fields,
) -> Result<Response, ApiError> {
    let session = read_session(&mut fields, app.engine.env.ids.session());
    let meaning = fields.finish()?;
    let session = session.ok_or(ApiError::new(Code::Internal))?;
    let (layout, currency) = (session.layout, app.config.currency);
    let record = move |events: &[Event]| record_opened(events, currency);
    let key = key.of(|| KeyScope::Named(String::new()), "POST /sessions", &meaning, record);
    let command = Command::OpenSession(session);
    let (opened, replayed) = match app.engine.submit(Request { actor, command, key }).await? {
        Outcome::Done(events) => (record(&events), false),
        Outcome::Replayed(answer) => (answer, true),
    };
    let opened = with_free_seats(opened, layout).ok_or(ApiError::new(Code::Internal))?;
    Ok(answer(opened, replayed))
}

fn read_session(fields: &mut Fields, id: SessionId) -> Option<Session> {
    let movie = fields.text("movie", Session::TEXT_MAX_CHARS);
    let room = fields.text("room", Session::TEXT_MAX_CHARS);
    let starts_at = starts_at(fields);
    let price = price(fields);
    let layout = layout(fields);
    Some(Session {
        id,
        movie: movie?,
        room: room?,
        starts_at: starts_at?,
        price: price?,
        layout: layout?,
        version: Session::FIRST_VERSION,
        changed_at: Timestamp::from_millis(0),
        created_at: Timestamp::from_millis(0),
        closed_at: None,
    })
}

fn starts_at(fields: &mut Fields) -> Option<Timestamp> {
    let time = fields.time("startsAt")?;
    if !Session::STARTS_AT.contains(&time) {
        fields.broke("startsAt", Rule::Between("2000".to_owned(), "2100".to_owned()));
        return None;
    }
    Some(time)
}

fn price(fields: &mut Fields) -> Option<Cents> {
    let amount = fields.decimal("ticketPrice")?;
    let rule = match Cents::from_decimal(&amount) {
        Ok(price) => return Some(price),
        Err(MoneyError::FractionOfCent) => Rule::TwoDecimals,
        Err(MoneyError::Negative | MoneyError::TooLarge) => {
            Rule::Between("0".to_owned(), format!("{:.2}", Cents::MAX_PRICE.amount()))
        }
    };
    fields.broke("ticketPrice", rule);
    None
}

fn layout(fields: &mut Fields) -> Option<Layout> {
    let (min, max) = (Layout::SEATS.start(), Layout::SEATS.end());
    let range = Rule::Between(min.to_string(), max.to_string());
    let rule = match fields.decimal("totalSeats")?.in_units(0) {
        Ok(seats) => match u16::try_from(seats).map(Layout::new) {
            Ok(Ok(layout)) => return Some(layout),
            _ => range,
        },
        Err(DecimalError::TooLarge) => range,
        Err(DecimalError::Fraction) => Rule::Integer,
    };
    fields.broke("totalSeats", rule);
    None
}

/// The answer to opening a session as it is recorded for its key: without the seats, which follow
/// from the layout and are a megabyte in a large room.
fn record_opened(events: &[Event], currency: Currency) -> RecordedAnswer {
    let session = events.iter().find_map(|event| match event {
        Event::SessionCreated(session) => Some(session),
        _ => None,
    });
    let body = session.map(|session| serde_json::to_vec(&SessionView::of(session, currency)));
    RecordedAnswer {
        status: StatusCode::CREATED.as_u16(),
        location: session.map(|session| format!("/sessions/{}", session.id)),
        body: body.and_then(Result::ok).unwrap_or_default().into(),
    }
}

/// Adds the seats of a session as it opens: all free.
fn with_free_seats(opened: RecordedAnswer, layout: Layout) -> Option<RecordedAnswer> {
    let id = opened.location.as_deref()?.rsplit('/').next()?;
    let session = SessionId::from_uuid(poltrona_engine::wire::parse_id(id)?)?;
    let free = |no| SeatView::of(&Seat::new(session.seat(no)), Timestamp::from_millis(0));
    let seats = serde_json::to_vec(&layout.numbers().map(free).collect::<Vec<_>>()).ok()?;
    let mut body = opened.body.strip_suffix(b"}")?.to_vec();
    body.extend_from_slice(b",\"seats\":");
    body.extend_from_slice(&seats);
    body.push(b'}');
    Some(RecordedAnswer { body: body.into(), ..opened })
}

/// List sessions, newest first.
#[utoipa::path(
    get, path = "/sessions", tag = "sessions", operation_id = "listSessions",
    params(
        ("movie" = Option<String>, Query, description = "Part of the film's title, in any case."),
        ("room" = Option<String>, Query, description = "Part of the room's name, in any case."),
        ("from" = Option<String>, Query, description = "The earliest start, ISO 8601."),
        ("to" = Option<String>, Query, description = "The latest start, ISO 8601; a date alone includes its day."),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 1000,
            description = "1 to 1,000, the default."),
        ("after" = Option<String>, Query, format = Uuid, description = "The last id of the page before."),
    ),
    responses((status = 200, description = "Sessions without their seats.", body = Vec<SessionView>,
        headers(("Link" = String, description = "The next page, when there may be one."))))
)]
pub(crate) async fn list(
    State(app): State<SharedApp>,
    OriginalUri(uri): OriginalUri,
    query: Query,
) -> Result<Response, ApiError> {
    let mut broken = Vec::new();
    let page = query.page(&mut broken);
    let filter = SessionFilter {
        movie: query.text("movie", &mut broken),
        room: query.text("room", &mut broken),
        from: query.time("from", parse_time, &mut broken),
        to: query.time("to", parse_time_to_its_end, &mut broken),
    };
    if !broken.is_empty() {
        return Err(ApiError::broken(broken));
    }
    let found = app.engine.store.sessions(filter, page).await?;
    let sessions = found.ok_or_else(page::no_such_entry)?;
    let currency = app.config.currency;
    let write = |json: &mut Vec<u8>, session: &Session| {
        serde_json::to_writer(json, &SessionView::of(session, currency))
    };
    Ok(page::show(&sessions, write, |session| *session.id.as_uuid(), page, &uri))
}

/// A session with its seats.
#[utoipa::path(
    get, path = "/sessions/{id}", tag = "sessions", operation_id = "getSession",
    params(("id" = String, Path, format = Uuid, description = "The session.")),
    responses((status = 200, description = "The session with its seats.", body = SessionView))
)]
pub(crate) async fn show(
    State(app): State<SharedApp>,
    id: Segment,
    preferences: Preferences,
) -> Result<Response, ApiError> {
    let currency = app.config.currency;
    let render = |room: &Room, at| {
        let seats = room.seats.as_deref().unwrap_or_default();
        serde_json::to_vec(&SessionView::with_seats(&room.session, currency, seats, at))
    };
    let page = app.ready(View::Page, id.session()?, &render).await?;
    Ok(page.respond(&preferences).await)
}

/// Change a session.
///
/// Held and sold seats keep the film, room, start and price of their hold.
#[utoipa::path(
    patch, path = "/sessions/{id}", tag = "sessions", operation_id = "updateSession",
    params(("id" = String, Path, format = Uuid, description = "The session.")),
    request_body = UpdateSession,
    responses((status = 200, description = "The session without its seats.", body = SessionView))
)]
pub(crate) async fn update(
    State(app): State<SharedApp>,
    Asker(actor): Asker,
    id: Segment,
    Required(only_if): Required,
    mut fields: Fields,
) -> Result<Response, ApiError> {
    let session = id.session()?;
    if fields.is_empty() {
        fields.broke("", Rule::Something);
    }
    let text = |fields: &mut Fields, name: &'static str| {
        if fields.has(name) { fields.text(name, Session::TEXT_MAX_CHARS) } else { None }
    };
    let change = SessionChange {
        movie: text(&mut fields, "movie"),
        room: text(&mut fields, "room"),
        starts_at: if fields.has("startsAt") { starts_at(&mut fields) } else { None },
        price: if fields.has("ticketPrice") { price(&mut fields) } else { None },
    };
    let _ = fields.finish()?;
    let command = Command::UpdateSession { session, change, only_if };
    match app.engine.submit(Request { actor, command, key: None }).await? {
        Outcome::Done(events) => match events.first() {
            Some(Event::SessionUpdated(session)) => {
                let view = SessionView::of(session, app.config.currency);
                Ok(json(StatusCode::OK, represent::json(&view)))
            }
            _ => Err(ApiError::new(Code::Internal)),
        },
        Outcome::Replayed(recorded) => Ok(answer(recorded, true)),
    }
}

/// Close a session.
///
/// Refused while a seat is held or sold. A closed session is not found from then on.
#[utoipa::path(
    delete, path = "/sessions/{id}", tag = "sessions", operation_id = "closeSession",
    params(("id" = String, Path, format = Uuid, description = "The session.")),
    responses((status = 204, description = "Closed."))
)]
pub(crate) async fn close(
    State(app): State<SharedApp>,
    Asker(actor): Asker,
    id: Segment,
    Required(only_if): Required,
    _: NoFields,
) -> Result<StatusCode, ApiError> {
    let session = id.session()?;
    let command = Command::CloseSession { session, only_if };
    app.engine.submit(Request { actor, command, key: None }).await?;
    Ok(StatusCode::NO_CONTENT)
}
