//! Reading requests: bodies field by field, ids, pages and idempotency keys.
//!
//! A body is read by hand rather than by serde's derive, which stops at the first wrong type: here
//! every broken rule is reported at once, unknown and repeated fields included.

use std::convert::Infallible;
use std::fmt;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts, Request};
use http::request::Parts;
use http::{HeaderMap, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use poltrona_domain::{Actor, Event, Reservation, SeatId, SessionId, Timestamp, UserId};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::config::Config;
use crate::http::error::{ApiError, Code, Detail};
use crate::http::state::SharedApp;
use crate::http::text::{Broken, Rule};
use poltrona_engine::ledger::Key;
use poltrona_engine::store::answer::{KeyScope, RecordedAnswer};
use poltrona_engine::store::query::Page;
use poltrona_engine::wire::{parse_id, parse_time};

/// The largest body, in bytes.
pub const BODY_MAX_BYTES: usize = 100 * 1024;
/// How long before the time for an answer is over a body is given up.
const BEFORE_THE_END: Duration = Duration::from_millis(10);
/// The deepest nesting of a body.
const JSON_MAX_DEPTH: usize = 16;
/// The most entries of a page, and as many as are given when nobody says.
pub const PAGE_MAX: usize = 1_000;
/// The longest idempotency key.
const KEY_MAX_CHARS: usize = 255;

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

/// The one segment of a path that is not fixed, decoded.
pub struct Segment(pub String);

impl<S: Send + Sync> FromRequestParts<S> for Segment {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let path = axum::extract::Path::<String>::from_request_parts(parts, state).await;
        path.map(|axum::extract::Path(text)| Self(text))
            .map_err(|_| ApiError::broken(vec![Broken::new("path", Rule::PercentEscapes)]))
    }
}

impl Segment {
    /// The segment as an id; `None` when it cannot be one.
    pub fn id(&self) -> Option<Uuid> {
        parse_id(&self.0)
    }

    /// The segment as a session's id; one that cannot be is simply not found.
    pub fn session(&self) -> Result<SessionId, ApiError> {
        self.id().and_then(SessionId::from_uuid).ok_or(ApiError::new(Code::SessionNotFound))
    }

    /// The segment as a user's id.
    pub fn user(&self) -> UserId {
        UserId::new(&self.0)
    }
}

/// The parameters of a query, decoded, the first of each name.
pub struct Query(Vec<(String, String)>);

impl<S: Send + Sync> FromRequestParts<S> for Query {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        axum::extract::Query::from_request_parts(parts, state)
            .await
            .map(|axum::extract::Query(pairs)| Self(pairs))
            .map_err(|_| ApiError::broken(vec![Broken::new("query", Rule::PercentEscapes)]))
    }
}

impl Query {
    /// A parameter's text; an empty one counts as absent.
    pub fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(parameter, _)| parameter == name);
        found.map(|(_, text)| text.as_str()).filter(|text| !text.is_empty())
    }

    /// Whether a parameter was given, with or without a text.
    pub fn given(&self, name: &str) -> bool {
        self.0.iter().any(|(parameter, _)| parameter == name)
    }

    /// A parameter as an instant.
    pub fn time(&self, name: &str, broken: &mut Vec<Broken>) -> Option<Timestamp> {
        let time = parse_time(self.get(name)?);
        if time.is_none() {
            broken.push(Broken::new(name, Rule::Date));
        }
        time
    }

    /// Which page is asked for, with `limit` and `after`.
    pub fn page(&self, broken: &mut Vec<Broken>) -> Page {
        let limit = self.get("limit").map_or(Some(PAGE_MAX), |text| {
            text.parse().ok().filter(|limit| (1..=PAGE_MAX).contains(limit))
        });
        if limit.is_none() {
            let range = Rule::Between("1".to_owned(), PAGE_MAX.to_string());
            broken.push(Broken::new("limit", range));
        }
        let after = self.get("after").map(parse_id);
        if after == Some(None) {
            broken.push(Broken::new("after", Rule::Uuid));
        }
        Page { limit: limit.unwrap_or(PAGE_MAX), after: after.flatten() }
    }
}

/// Who asks: anyone, while there is no authentication.
pub struct Asker(pub Actor);

impl<S: Send + Sync> FromRequestParts<S> for Asker {
    type Rejection = Infallible;

    async fn from_request_parts(_: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(Actor::Anyone))
    }
}

/// The `Idempotency-Key` header, if there is one.
pub struct IdempotencyKey(Option<String>);

impl<S: Send + Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let broken = |rule| ApiError::broken(vec![Broken::new("Idempotency-Key", rule)]);
        let mut values = parts.headers.get_all("idempotency-key").iter();
        let Some(value) = values.next() else { return Ok(Self(None)) };
        if values.next().is_some() {
            return Err(broken(Rule::Duplicate));
        }
        match value.to_str() {
            Ok(key) if (1..=KEY_MAX_CHARS).contains(&key.len()) => Ok(Self(Some(key.to_owned()))),
            _ => Err(broken(Rule::VisibleAscii)),
        }
    }
}

impl IdempotencyKey {
    /// The ledger's key: `request` is the method and concrete path, `body` the body as parsed.
    pub fn of(
        self,
        scope: KeyScope,
        request: &str,
        body: &str,
        record: fn(&[Event]) -> RecordedAnswer,
    ) -> Option<Key> {
        let fingerprint =
            || Sha256::new().chain_update(request).chain_update([0]).chain_update(body).finalize();
        self.0.map(|key| Key { scope, key, fingerprint: fingerprint().into(), record })
    }
}
