//! Errors as they are sent: as the API's own JSON, or as RFC 9457 `application/problem+json`.

use axum::response::Response;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use poltrona_domain::{Layout, SeatId, SeatTaken, Timestamp};
use poltrona_engine::wire::{Id, Time};
use serde::Serialize;
use uuid::Uuid;

use super::code::Code;
use super::error::{ApiError, Detail};
use super::negotiation::Form;
use super::rule::Broken;
use super::text;
use crate::config::Locale;

/// The request that an error answers, as far as it is known.
pub struct Asked<'a> {
    /// Path and query.
    pub path: &'a str,
    /// The language to answer in.
    pub locale: Locale,
    /// The form to answer in.
    pub form: Form,
    /// The request's id.
    pub request_id: &'a str,
    /// Now.
    pub now: Timestamp,
}

impl ApiError {
    /// The answer to a request.
    pub(super) fn render(&self, asked: &Asked<'_>) -> Response {
        let body = self.body(asked);
        let kind = match asked.form {
            Form::Plain => "application/json",
            Form::Problem => "application/problem+json",
        };
        let mut response = whole(self.code.status(), kind, body.unwrap_or_default().into());
        let headers = response.headers_mut();
        if let Detail::Allow(methods) = &self.detail {
            headers.insert(header::ALLOW, methods.clone());
        }
        if self.code == Code::UnsupportedEncoding {
            // The encoding that is accepted (RFC 9110, 15.5.16).
            headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
        }
        if self.code.status() == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }

    /// The body of the answer.
    pub(super) fn body(&self, asked: &Asked<'_>) -> serde_json::Result<String> {
        match asked.form {
            Form::Plain => self.plain(asked),
            Form::Problem => self.problem(asked),
        }
    }

    fn plain(&self, asked: &Asked<'_>) -> serde_json::Result<String> {
        let messages = text::messages(self, asked.locale);
        json_text(&Plain {
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
        json_text(&Problem {
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

/// An answer whose bytes are there, with room for all headers that it gets on its way.
pub(super) fn whole(status: StatusCode, kind: &'static str, body: Bytes) -> Response {
    const HEADERS: usize = 12;
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    *response.headers_mut() = HeaderMap::with_capacity(HEADERS);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

/// JSON of an answer.
pub(super) fn json<T: Serialize>(answer: &T) -> serde_json::Result<Vec<u8>> {
    written(|json| serde_json::to_writer(json, answer))
}

/// JSON that `write` makes. There is room at once for most answers.
pub(super) fn written(
    write: impl FnOnce(&mut Vec<u8>) -> serde_json::Result<()>,
) -> serde_json::Result<Vec<u8>> {
    const BYTES: usize = 512;
    let mut json = Vec::with_capacity(BYTES);
    write(&mut json)?;
    Ok(json)
}

fn json_text<T: Serialize>(error: &T) -> serde_json::Result<String> {
    String::from_utf8(json(error)?).map_err(serde::ser::Error::custom)
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
    /// Absent for an id that no seat could have.
    #[serde(skip_serializing_if = "Option::is_none")]
    seat_number: Option<String>,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_at: Option<Time>,
    /// The reservation that holds it, when the user who asked is its holder.
    #[serde(skip_serializing_if = "Option::is_none")]
    reservation_id: Option<Id>,
}

impl TakenSeat {
    fn of(seat: &SeatTaken) -> Self {
        let status = if seat.retry_at.is_some() { "RESERVED" } else { "SOLD" };
        let retry_at = seat.retry_at.map(Time);
        let reservation_id = seat.own.map(|own| Id(*own.as_uuid()));
        Self { status, retry_at, reservation_id, ..Self::unknown(*seat.seat.as_uuid()) }
    }

    fn unknown(id: Uuid) -> Self {
        Self {
            seat_id: Id(id),
            seat_number: SeatId::from_uuid(id).map(|seat| Layout::label(seat.no())),
            status: "NOT_FOUND",
            retry_at: None,
            reservation_id: None,
        }
    }
}
