//! Answers that succeed.

use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use poltrona_domain::Event;
use poltrona_engine::ledger::Outcome;
use poltrona_engine::store::answer::RecordedAnswer;

use super::code::Code;
use super::error::ApiError;
use super::represent::whole;

/// A JSON answer.
pub(super) fn json(status: StatusCode, body: serde_json::Result<Vec<u8>>) -> Response {
    match body {
        Ok(body) => json_bytes(status, body.into()),
        Err(_) => ApiError::new(Code::Internal).into_response(),
    }
}

/// An answer whose JSON is ready.
pub(super) fn json_bytes(status: StatusCode, body: Bytes) -> Response {
    whole(status, "application/json; charset=utf-8", body)
}

/// The answer to a command: made by `record` from its events, or as it was given before.
pub(super) fn outcome(outcome: Outcome, record: impl Fn(&[Event]) -> RecordedAnswer) -> Response {
    match outcome {
        Outcome::Done(events) => answer(record(&events), false),
        Outcome::Replayed(recorded) => answer(recorded, true),
    }
}

/// A recorded answer; `replayed` says that it was given before.
pub(super) fn answer(answer: RecordedAnswer, replayed: bool) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    let mut response = json_bytes(status, answer.body);
    let headers = response.headers_mut();
    if let Some(location) = answer.location.and_then(|path| HeaderValue::try_from(path).ok()) {
        headers.insert(header::LOCATION, location);
    }
    if replayed {
        headers.insert("idempotency-replayed", HeaderValue::from_static("true"));
    }
    response
}
