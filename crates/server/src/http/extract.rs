//! Reading the rest of a request: ids, queries, pages, idempotency keys, and the caller.

use std::convert::Infallible;

use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::request::Parts;
use percent_encoding::percent_decode_str;
use poltrona_domain::{Actor, Event, SessionId, Timestamp, UserId};
use poltrona_engine::ledger::Key;
use poltrona_engine::store::answer::{KeyScope, RecordedAnswer};
use poltrona_engine::store::query::Page;
use poltrona_engine::text;
use poltrona_engine::wire::parse_id;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::call::Call;
use super::code::Code;
use super::error::ApiError;
use super::fields::Meaning;
use super::rule::{Broken, Rule};

/// The most entries of a page, which is also the default.
pub const PAGE_MAX: usize = 1_000;
/// The longest idempotency key.
const KEY_MAX_CHARS: usize = 255;

/// The variable segment of a path, decoded.
pub struct Segment(pub String);

impl FromRequestParts<Call> for Segment {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, call: &Call) -> Result<Self, ApiError> {
        let sent = parts.uri.path().get(call.segment.clone()).unwrap_or_default();
        let text = percent_decode_str(sent).decode_utf8();
        text.map(|text| Self(text.into_owned()))
            .map_err(|_| ApiError::broken(vec![Broken::new("path", Rule::PercentEscapes)]))
    }
}

impl Segment {
    /// The segment as an id; `None` when it cannot be one.
    pub fn id(&self) -> Option<Uuid> {
        parse_id(&self.0)
    }

    /// The segment as a session's id; a malformed one is answered as not found.
    pub fn session(&self) -> Result<SessionId, ApiError> {
        self.id().and_then(SessionId::from_uuid).ok_or(ApiError::new(Code::SessionNotFound))
    }

    /// The segment as a user's id, in Normalization Form C as bodies have it.
    pub fn user(&self) -> UserId {
        UserId::new(&text::nfc(&self.0))
    }
}

/// The parameters of a query, decoded.
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
    fn get(&self, name: &str, broken: &mut Vec<Broken>) -> Option<&str> {
        let mut found = self.0.iter().filter(|(parameter, _)| parameter == name);
        let (_, text) = found.next()?;
        if found.next().is_some() {
            broken.push(Broken::new(name, Rule::Duplicate));
            return None;
        }
        Some(text.as_str()).filter(|text| !text.is_empty())
    }

    /// Whether a parameter was given, with or without a text.
    pub fn given(&self, name: &str) -> bool {
        self.0.iter().any(|(parameter, _)| parameter == name)
    }

    /// A parameter's text.
    pub fn text(&self, name: &str, broken: &mut Vec<Broken>) -> Option<String> {
        self.get(name, broken).map(str::to_owned)
    }

    /// A parameter as an instant, by one of the readings of [`wire`](poltrona_engine::wire).
    pub fn time(
        &self,
        name: &str,
        parse: fn(&str) -> Option<Timestamp>,
        broken: &mut Vec<Broken>,
    ) -> Option<Timestamp> {
        let time = parse(self.get(name, broken)?);
        if time.is_none() {
            broken.push(Broken::new(name, Rule::Date));
        }
        time
    }

    /// Which page is asked for, with `limit` and `after`.
    pub fn page(&self, broken: &mut Vec<Broken>) -> Page {
        let limit = self.get("limit", broken).map_or(Some(PAGE_MAX), |text| {
            text.parse().ok().filter(|limit| (1..=PAGE_MAX).contains(limit))
        });
        if limit.is_none() {
            let range = Rule::Between("1".to_owned(), PAGE_MAX.to_string());
            broken.push(Broken::new("limit", range));
        }
        let after = self.get("after", broken).map(parse_id);
        if after == Some(None) {
            broken.push(Broken::new("after", Rule::Uuid));
        }
        Page { limit: limit.unwrap_or(PAGE_MAX), after: after.flatten() }
    }
}

/// The caller: anyone, while there is no authentication.
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
    /// The ledger's key: `request` is the method and concrete path, `meaning` the body's.
    pub fn of(
        self,
        scope: impl FnOnce() -> KeyScope,
        request: &str,
        meaning: &Meaning,
        record: impl Fn(&[Event]) -> RecordedAnswer + Send + Sync + 'static,
    ) -> Option<Key> {
        let named = || Sha256::new().chain_update(request).chain_update([0]);
        let fingerprint = || named().chain_update(meaning.to_text()).finalize();
        self.0.map(|key| Key {
            scope: scope(),
            key,
            fingerprint: fingerprint().into(),
            record: Arc::new(record),
        })
    }
}
