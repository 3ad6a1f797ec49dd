//! Every way in which a request is told no, and the one place where it is put into words.
//!
//! A handler returns an [`ApiError`]; it travels in the response's extensions to the edge, which
//! knows the request's path, language and preferred form, and renders it there: as the API's own
//! JSON, or as RFC 9457 `application/problem+json` for clients that accept that.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use poltrona_domain::{Layout, Refusal, SeatId, SeatNo, SeatTaken, SessionId, Timestamp};
use serde::Serialize;
use tracing::error;
use uuid::Uuid;

use crate::config::Locale;
use crate::http::text::{self, Broken, Rule};
use poltrona_engine::ledger;
use poltrona_engine::store;
use poltrona_engine::wire::{Id, Time};

macro_rules! codes {
    ($($name:ident $text:literal $status:literal),* $(,)?) => {
        /// The machine-readable name of an error. Names are never reused for another meaning; each
        /// has a section in `docs/errors.md`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Code {
            $(#[doc = concat!("`", $text, "`, status ", $status, ".")] $name,)*
        }

        impl Code {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The name as clients see it.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// The HTTP status that goes with it.
            pub const fn status(self) -> StatusCode {
                let status = match self { $(Self::$name => $status,)* };
                match StatusCode::from_u16(status) {
                    Ok(status) => status,
                    Err(_) => StatusCode::INTERNAL_SERVER_ERROR,
                }
            }
        }
    };
}

codes! {
    ValidationFailed "validation_failed" 400,
    InvalidJson "invalid_json" 400,
    UnsupportedMediaType "unsupported_media_type" 400,
    BodyTooLarge "body_too_large" 413,
    HeadersTooLarge "headers_too_large" 431,
    RequestTimeout "request_timeout" 408,
    MalformedId "malformed_id" 422,
    RouteNotFound "route_not_found" 404,
    MethodNotAllowed "method_not_allowed" 405,
    SessionNotFound "session_not_found" 404,
    SeatNotFound "seat_not_found" 404,
    ReservationNotFound "reservation_not_found" 404,
    SeatHeld "seat_held" 409,
    SeatSold "seat_sold" 409,
    SeatsUnavailable "seats_unavailable" 409,
    ReservationConfirmed "reservation_confirmed" 409,
    ReservationExpired "reservation_expired" 410,
    ReservationCancelled "reservation_cancelled" 410,
    ExtensionRefused "extension_refused" 409,
    SessionInUse "session_in_use" 409,
    IdempotencyMismatch "idempotency_mismatch" 422,
    Overloaded "overloaded" 503,
    OutcomeUnknown "outcome_unknown" 503,
    StoreUnavailable "store_unavailable" 503,
    StoreFull "store_full" 503,
    Internal "internal" 500,
}

/// A request is told no.
#[derive(Clone, Debug)]
pub struct ApiError {
    /// Which no.
    pub code: Code,
    /// What more there is to say.
    pub detail: Detail,
}

/// What more there is to say about an error.
#[derive(Clone, Debug)]
pub enum Detail {
    /// Nothing.
    None,
    /// Every rule that the request broke, in the order of its fields.
    Broken(Vec<Broken>),
    /// The seats that stood in the way.
    Taken(Vec<SeatTaken>),
    /// The seats that do not exist.
    Unknown(Vec<SeatId>),
    /// How many seats of a session are held and sold.
    InUse {
        /// Held now.
        held: usize,
        /// Sold.
        sold: usize,
    },
    /// The methods that the path has, as the `Allow` header lists them.
    Allow(HeaderValue),
    /// What the parser said, and where.
    Parser(String),
}

/// What the edge knows of the request that an error answers.
pub struct Asked<'a> {
    /// Path and query.
    pub path: &'a str,
    /// The language to answer in.
    pub locale: Locale,
    /// Whether the client prefers `application/problem+json`.
    pub problem: bool,
    /// The request's id.
    pub request_id: &'a str,
    /// Now.
    pub now: Timestamp,
}

impl ApiError {
    /// An error that its code says all about.
    pub const fn new(code: Code) -> Self {
        Self { code, detail: Detail::None }
    }

    /// A request that broke these rules.
    pub const fn broken(rules: Vec<Broken>) -> Self {
        Self { code: Code::ValidationFailed, detail: Detail::Broken(rules) }
    }

    /// The answer in words.
    pub fn render(&self, asked: &Asked<'_>) -> Response {
        let body = self.body(asked);
        let kind = if asked.problem { "application/problem+json" } else { "application/json" };
        let mut response = (self.code.status(), body.unwrap_or_default()).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        if let Detail::Allow(methods) = &self.detail {
            headers.insert(header::ALLOW, methods.clone());
        }
        if self.code.status() == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }

    fn body(&self, asked: &Asked<'_>) -> serde_json::Result<String> {
        if asked.problem { self.problem(asked) } else { self.plain(asked) }
    }

    fn plain(&self, asked: &Asked<'_>) -> serde_json::Result<String> {
        let messages = text::messages(self, asked.locale);
        serde_json::to_string(&Plain {
            status_code: self.code.status().as_u16(),
            timestamp: Time(asked.now),
            path: asked.path,
            message: match self.detail {
                Detail::Broken(_) => Message::Many(messages),
                _ => Message::One(messages.join("; ")),
            },
            code: self.code.as_str(),
            request_id: asked.request_id,
            seats: self.seats(),
        })
    }

    fn problem(&self, asked: &Asked<'_>) -> serde_json::Result<String> {
        serde_json::to_string(&Problem {
            r#type: format!("/api/errors#{}", self.code.as_str()),
            title: text::title(self.code, asked.locale),
            status: self.code.status().as_u16(),
            detail: text::messages(self, asked.locale).join("; "),
            instance: asked.path,
            code: self.code.as_str(),
            timestamp: Time(asked.now),
            request_id: asked.request_id,
            errors: self.errors(asked.locale),
            seats: self.seats(),
        })
    }

    fn errors(&self, locale: Locale) -> Option<Vec<FieldError<'_>>> {
        let Detail::Broken(rules) = &self.detail else { return None };
        let error = |rule| FieldError { field: Broken::field(rule), message: rule.text(locale) };
        Some(rules.iter().map(error).collect())
    }

    fn seats(&self) -> Option<Vec<TakenSeat>> {
        match &self.detail {
            Detail::Taken(seats) => Some(seats.iter().map(TakenSeat::of).collect()),
            Detail::Unknown(seats) => {
                Some(seats.iter().map(|seat| TakenSeat::unknown(*seat)).collect())
            }
            _ => None,
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = self.code.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::SessionNotFound(_) => Self::new(Code::SessionNotFound),
            Refusal::SessionInUse { held, sold, .. } => {
                Self { code: Code::SessionInUse, detail: Detail::InUse { held, sold } }
            }
            Refusal::SeatsNotFound(seats) => {
                Self { code: Code::SeatNotFound, detail: Detail::Unknown(seats) }
            }
            Refusal::SeatsTaken(seats) => {
                Self { code: taken(&seats), detail: Detail::Taken(seats) }
            }
            Refusal::ReservationNotFound(_) => Self::new(Code::ReservationNotFound),
            Refusal::ReservationConfirmed(_) => Self::new(Code::ReservationConfirmed),
            Refusal::ReservationExpired(_) => Self::new(Code::ReservationExpired),
            Refusal::ReservationCancelled(_) => Self::new(Code::ReservationCancelled),
            // Only a lapse can come too early, and people do not send those.
            Refusal::ExtensionRefused(_) | Refusal::NotLapsed { .. } => {
                Self::new(Code::ExtensionRefused)
            }
        }
    }
}

fn taken(seats: &[SeatTaken]) -> Code {
    match seats {
        [SeatTaken { retry_at: Some(_), .. }] => Code::SeatHeld,
        [SeatTaken { retry_at: None, .. }] => Code::SeatSold,
        _ => Code::SeatsUnavailable,
    }
}

impl From<ledger::Error> for ApiError {
    fn from(error: ledger::Error) -> Self {
        Self::new(match error {
            ledger::Error::Refused(refusal) => return refusal.into(),
            ledger::Error::KeyMismatch => Code::IdempotencyMismatch,
            ledger::Error::Overloaded => Code::Overloaded,
            ledger::Error::Full => Code::StoreFull,
            ledger::Error::Unavailable => Code::StoreUnavailable,
            ledger::Error::OutcomeUnknown => Code::OutcomeUnknown,
            ledger::Error::InvariantViolation => Code::Internal,
        })
    }
}

impl From<store::Error> for ApiError {
    fn from(error: store::Error) -> Self {
        error!(target: "database", %error, "a query failed");
        Self::new(match error {
            store::Error::Full => Code::StoreFull,
            store::Error::Unavailable(_)
            | store::Error::Raced(_)
            | store::Error::Blocked(_)
            | store::Error::Unknown(_) => Code::StoreUnavailable,
            store::Error::Guard(_) | store::Error::Disk(_) | store::Error::Driver(_) => {
                Code::Internal
            }
        })
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Plain<'a> {
    status_code: u16,
    timestamp: Time,
    path: &'a str,
    message: Message,
    code: &'static str,
    request_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    seats: Option<Vec<TakenSeat>>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Message {
    One(String),
    Many(Vec<String>),
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Problem<'a> {
    r#type: String,
    title: &'static str,
    status: u16,
    detail: String,
    instance: &'a str,
    code: &'static str,
    timestamp: Time,
    request_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    errors: Option<Vec<FieldError<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seats: Option<Vec<TakenSeat>>,
}

#[derive(Serialize)]
struct FieldError<'a> {
    field: &'a str,
    message: String,
}

/// A seat that stood in the way, or that does not exist.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TakenSeat {
    seat_id: Id,
    seat_number: String,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_at: Option<Time>,
}

impl TakenSeat {
    fn of(seat: &SeatTaken) -> Self {
        let status = if seat.retry_at.is_some() { "RESERVED" } else { "SOLD" };
        Self { status, retry_at: seat.retry_at.map(Time), ..Self::unknown(seat.seat) }
    }

    fn unknown(seat: SeatId) -> Self {
        Self {
            seat_id: Id(*seat.as_uuid()),
            seat_number: Layout::label(seat.no()),
            status: "NOT_FOUND",
            retry_at: None,
        }
    }
}

/// What a code looks like when it is answered, for the documentation.
pub fn example(code: Code, path: &str, problem: bool) -> serde_json::Value {
    let session = SessionId::mint(Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0010_0000));
    let seat =
        |no, retry_at| SeatNo::new(no).map(|no| SeatTaken { seat: session.seat(no), retry_at });
    let now = Timestamp::from_millis(1_796_151_550_433);
    let later = Some(now.plus(std::time::Duration::from_secs(30)));
    let detail = match code {
        Code::ValidationFailed => Detail::Broken(vec![Broken::new("userId", Rule::Required)]),
        Code::InvalidJson => Detail::Parser("expected value at line 1 column 1".to_owned()),
        Code::SeatHeld => Detail::Taken(seat(1, later).into_iter().collect()),
        Code::SeatSold => Detail::Taken(seat(1, None).into_iter().collect()),
        Code::SeatsUnavailable => {
            Detail::Taken(seat(1, later).into_iter().chain(seat(2, None)).collect())
        }
        Code::SeatNotFound => {
            Detail::Unknown(seat(1, None).into_iter().map(|taken| taken.seat).collect())
        }
        Code::SessionInUse => Detail::InUse { held: 2, sold: 14 },
        _ => Detail::None,
    };
    let request_id = "0193f0c2-5b1e-7c4a-9a55-6f0d2c1b7e10";
    let asked = Asked { path, locale: Locale::En, problem, request_id, now };
    let body = ApiError { code, detail }.body(&asked).unwrap_or_default();
    serde_json::from_str(&body).unwrap_or_default()
}
