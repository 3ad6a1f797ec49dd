//! Examples for the document: of errors, rendered by the code that answers requests, and of parameters.

use std::time::Duration;

use poltrona_domain::{SeatNo, SeatTaken, SessionId, Timestamp};
use serde_json::{Value, json};
use uuid::Uuid;

use super::code::Code;
use super::error::{ApiError, Detail};
use super::negotiation::Form;
use super::represent::Asked;
use super::route::{Body, Cost, Route};
use super::rule::{Broken, Rule};
use crate::config::Locale;

/// A rule that requests of a route may break.
fn broken_by(route: &Route) -> Broken {
    match (route.body, route.cost) {
        (Body::Json, _) if route.path == "/reservations" => Broken::new("userId", Rule::Required),
        (Body::Json, _) => Broken::new("movie", Rule::NotBlank),
        (Body::None | Body::Empty, Cost::List) => {
            Broken::new("limit", Rule::Between("1".to_owned(), "1000".to_owned()))
        }
        (Body::None | Body::Empty, _) => Broken::new("Host", Rule::Host),
    }
}

/// An example of a route's answer with this code, for the documentation.
pub(super) fn example(code: Code, route: &Route, form: Form) -> Value {
    let session = SessionId::mint(Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0010_0000));
    let now = Timestamp::from_millis(1_796_151_550_433);
    let seat = |no| SeatNo::new(no).map(|no| session.seat(no));
    let held = || seat(1).map(|seat| SeatTaken::held(seat, now.plus(Duration::from_secs(30))));
    let sold = |no| seat(no).map(SeatTaken::sold);
    let detail = match code {
        Code::ValidationFailed => Detail::Broken(vec![broken_by(route)]),
        Code::InvalidJson => Detail::Parser("expected value at line 1 column 1".to_owned()),
        Code::SeatHeld => Detail::Taken(held().into_iter().collect()),
        Code::SeatSold => Detail::Taken(sold(1).into_iter().collect()),
        Code::SeatsUnavailable => Detail::Taken(held().into_iter().chain(sold(2)).collect()),
        Code::SeatNotFound => Detail::Unknown(seat(1).iter().map(|seat| *seat.as_uuid()).collect()),
        Code::SessionInUse => Detail::InUse { held: 2, sold: 14 },
        _ => Detail::None,
    };
    let request_id = "0193f0c2-5b1e-7c4a-9a55-6f0d2c1b7e10";
    let asked = Asked { path: route.path, locale: Locale::En, form, request_id, now };
    let body = ApiError { code, detail }.body(&asked).unwrap_or_default();
    serde_json::from_str(&body).unwrap_or_default()
}

/// An example of an optional parameter. `after` has none: it names an entry of the very list.
pub(super) fn of_parameter(name: &str) -> Option<Value> {
    Some(match name {
        "movie" => json!("interestelar"),
        "room" => json!("sala 1"),
        "from" => json!("2026-12-24"),
        "to" => json!("2026-12-24T23:00:00-03:00"),
        "limit" => json!(20),
        "verbose" => json!(""),
        "Idempotency-Key" => json!("ana-0193f0c2"),
        "If-Match" | "If-None-Match" => json!("\"v1-5d41402abc4b2a76\""),
        "If-Unmodified-Since" => json!("Tue, 24 Nov 2026 10:00:00 GMT"),
        _ => return None,
    })
}
