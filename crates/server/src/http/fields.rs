//! Reading bodies, field by field.
//!
//! A body is read by hand rather than by serde's derive, which stops at the first wrong type: here
//! every broken rule is reported at once, unknown and repeated fields included.

use std::fmt;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use http::{HeaderMap, header};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use poltrona_domain::{Reservation, SeatId, Timestamp, UserId};
use poltrona_engine::wire::{parse_id, parse_time};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;

use super::code::Code;
use super::error::{ApiError, Detail};
use super::rule::{Broken, Rule};
use super::state::SharedApp;
use crate::config::Config;

/// The largest body, in bytes.
pub const BODY_MAX_BYTES: usize = 100 * 1024;
/// How long before the time for an answer is over a body is given up.
const BEFORE_THE_END: Duration = Duration::from_millis(10);
/// The deepest nesting of a body.
const JSON_MAX_DEPTH: usize = 16;
/// The fields of a JSON body, taken out one by one; what is left at the end is not known.
pub struct Fields {
    given: Vec<(String, Value)>,
    broken: Vec<Broken>,
    canonical: String,
}

impl FromRequest<SharedApp> for Fields {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &SharedApp) -> Result<Self, ApiError> {
        if !is_json(request.headers()) {
            return Err(ApiError::new(Code::UnsupportedMediaType));
        }
        let body = read(request.into_body(), body_limit(&app.config)).await?;
        Self::parse(&body)
    }
}

impl Fields {
    /// Reads an object; anything else is no body of this API.
    pub fn parse(body: &[u8]) -> Result<Self, ApiError> {
        let invalid =
            |reason: String| ApiError { code: Code::InvalidJson, detail: Detail::Parser(reason) };
        let Pairs(fields) = serde_json::from_slice(body).map_err(|e| invalid(e.to_string()))?;
        if fields.iter().any(|(_, value)| depth(value) >= JSON_MAX_DEPTH) {
            return Err(invalid(format!("nested deeper than {JSON_MAX_DEPTH}")));
        }
        let mut sorted: Vec<_> = fields.iter().collect();
        sorted.sort_by(|a, b| a.0.cmp(&b.0));
        let canonical = serde_json::to_string(&sorted).unwrap_or_default();
        Ok(Self { given: fields, broken: Vec::new(), canonical })
    }

    /// The body as parsed: equal for bodies that differ in white space and order only.
    pub fn canonical(&self) -> &str {
        &self.canonical
    }

    /// Whether a field was given.
    pub fn has(&self, name: &str) -> bool {
        self.given.iter().any(|(field, _)| field == name)
    }

    /// Whether no field was given.
    pub const fn is_empty(&self) -> bool {
        self.given.is_empty()
    }

    /// Notes that `field` broke `rule`.
    pub fn broke(&mut self, field: &str, rule: Rule) {
        self.broken.push(Broken::new(field, rule));
    }

    /// Takes a field out; notes when it was given twice.
    fn take(&mut self, name: &str) -> Option<Value> {
        let at = self.given.iter().position(|(field, _)| field == name)?;
        let (_, value) = self.given.remove(at);
        if self.has(name) {
            self.given.retain(|(field, _)| field != name);
            self.broke(name, Rule::Duplicate);
        }
        Some(value)
    }

    /// Takes a field that must be there.
    fn required(&mut self, name: &str) -> Option<Value> {
        let value = self.take(name);
        if value.is_none() {
            self.broke(name, Rule::Required);
        }
        value
    }

    /// A text with more than white space in it.
    pub fn text(&mut self, name: &str, max_chars: usize) -> Option<String> {
        let Value::String(text) = self.required(name)? else {
            self.broke(name, Rule::Text);
            return None;
        };
        let before = self.broken.len();
        if text.trim().is_empty() {
            self.broke(name, Rule::NotBlank);
        }
        if text.contains('\0') {
            self.broke(name, Rule::NoNul);
        }
        if text.chars().count() > max_chars {
            self.broke(name, Rule::MaxChars(max_chars));
        }
        (self.broken.len() == before).then_some(text)
    }

    /// A number.
    pub fn number(&mut self, name: &str) -> Option<f64> {
        let number = self.required(name)?.as_f64();
        if number.is_none() {
            self.broke(name, Rule::Number);
        }
        number
    }

    /// An instant.
    pub fn time(&mut self, name: &str) -> Option<Timestamp> {
        let Value::String(text) = self.required(name)? else {
            self.broke(name, Rule::Date);
            return None;
        };
        let time = parse_time(&text);
        if time.is_none() {
            self.broke(name, Rule::Date);
        }
        time
    }

    /// A user's id.
    pub fn user(&mut self, name: &str) -> Option<UserId> {
        self.text(name, UserId::MAX_CHARS).map(|text| UserId::new(&text))
    }

    /// A seat's id.
    pub fn seat(&mut self, name: &str) -> Option<SeatId> {
        let value = self.required(name)?;
        self.seat_of(name, &value)
    }

    /// A list of seats' ids, not longer than a reservation: a longer one is told as that, and not
    /// entry by entry.
    pub fn seats(&mut self, name: &str) -> Option<Vec<SeatId>> {
        let Value::Array(values) = self.required(name)? else {
            self.broke(name, Rule::List);
            return None;
        };
        if values.len() > Reservation::MAX_SEATS {
            self.broke(name, Rule::Seats(Reservation::MAX_SEATS));
            return None;
        }
        // Every one is read before any is missed, so that each that is no id is told.
        let read: Vec<_> = values
            .iter()
            .enumerate()
            .map(|(i, value)| self.seat_of(&format!("{name}[{i}]"), value))
            .collect();
        read.into_iter().collect()
    }

    fn seat_of(&mut self, name: &str, value: &Value) -> Option<SeatId> {
        let Some(text) = value.as_str() else {
            self.broke(name, Rule::Text);
            return None;
        };
        let seat = parse_id(text).and_then(SeatId::from_uuid);
        if seat.is_none() {
            self.broke(name, Rule::Uuid);
        }
        seat
    }

    /// Ends the reading: fails when any rule was broken or any field is unknown.
    pub fn finish(mut self) -> Result<(), ApiError> {
        for (field, _) in std::mem::take(&mut self.given) {
            self.broke(&field, Rule::UnknownField);
        }
        if self.broken.is_empty() { Ok(()) } else { Err(ApiError::broken(self.broken)) }
    }
}

/// Whether the body says that it is JSON.
fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = kind.unwrap_or("").split(';').next().unwrap_or("").trim();
    essence.eq_ignore_ascii_case("application/json")
        || (essence.len() > 5 && essence.to_ascii_lowercase().ends_with("+json"))
}

/// How long a body may take: less than the answer as a whole, so that a body that does not come is
/// told as that, and not as a change of which nobody knows whether it was made.
fn body_limit(config: &Config) -> Duration {
    config.body_timeout.min(config.request_timeout.saturating_sub(BEFORE_THE_END))
}

/// Reads a body of bounded size in bounded time.
async fn read(body: Body, limit: Duration) -> Result<bytes::Bytes, ApiError> {
    let collected = tokio::time::timeout(limit, Limited::new(body, BODY_MAX_BYTES).collect()).await;
    match collected {
        Err(_) => Err(ApiError::new(Code::RequestTimeout)),
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(ApiError::new(Code::BodyTooLarge)),
        Ok(Err(error)) => {
            Err(ApiError { code: Code::InvalidJson, detail: Detail::Parser(error.to_string()) })
        }
    }
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(values) => 1 + values.iter().map(depth).max().unwrap_or(0),
        Value::Object(fields) => 1 + fields.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

/// The members of a JSON object, repeated names included.
struct Pairs(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Pairs;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(Members)
    }
}
