//! Reading bodies, field by field.
//!
//! A body is read by hand rather than by serde's derive, which stops at the first wrong type: here
//! every broken rule is reported at once, unknown and repeated fields included.

use std::fmt;
use std::marker::PhantomData;

use axum::extract::{FromRequest, Request};
use bytes::Bytes;
use poltrona_domain::{Decimal, Reservation, Timestamp, UserId};
use poltrona_engine::text;
use poltrona_engine::wire::{Id, Time, parse_id, parse_time};
use serde::Serialize;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::body;
use super::call::Call;
use super::code::Code;
use super::error::{ApiError, Detail};
use super::rule::{Broken, Rule};

/// The deepest nesting of a body.
const JSON_MAX_DEPTH: usize = 16;

/// The fields of a JSON body, taken out one by one; what is left at the end is not known.
pub struct Fields {
    body: Bytes,
    given: Vec<(String, Value)>,
    broken: Vec<Broken>,
    meaning: Vec<(&'static str, Meant)>,
}

/// The meaning of a field. It becomes text only where a key needs it.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Meant {
    Text(String),
    Integer(i64),
    Number(Value),
    Time(Time),
    Seat(Id),
    Seats(Vec<Id>),
}

/// The meaning of a body: its normal form, equal for bodies that ask for the same. An idempotency
/// key's fingerprint is taken of it, so the meaning of a body in the API's own spelling must never
/// change.
#[derive(Debug)]
pub struct Meaning(Option<Vec<(&'static str, Meant)>>);

impl FromRequest<Call> for Fields {
    type Rejection = ApiError;

    async fn from_request(request: Request, call: &Call) -> Result<Self, ApiError> {
        Self::parse(body::json(request, &call.app.config).await?)
    }
}

/// The body of a call that takes nothing: none at all, or an object without fields.
pub struct NoFields;

impl FromRequest<Call> for NoFields {
    type Rejection = ApiError;

    async fn from_request(request: Request, call: &Call) -> Result<Self, ApiError> {
        match body::json_if_any(request, &call.app.config).await? {
            Some(body) => Fields::parse(body)?.finish().map(|_| Self),
            None => Ok(Self),
        }
    }
}

impl Meaning {
    /// The meaning of no body.
    pub const fn none() -> Self {
        Self(None)
    }

    /// The meaning as text: JSON pairs, sorted by name; empty without a body.
    pub fn to_text(&self) -> String {
        let Some(fields) = &self.0 else { return String::new() };
        let mut pairs: Vec<_> = fields.iter().collect();
        pairs.sort_unstable_by_key(|(name, _)| *name);
        serde_json::to_string(&pairs).unwrap_or_default()
    }
}

impl Fields {
    /// Reads a JSON object; anything else is an error.
    pub fn parse(body: Bytes) -> Result<Self, ApiError> {
        let invalid =
            |reason: String| ApiError { code: Code::InvalidJson, detail: Detail::Parser(reason) };
        let parsed = serde_json::from_slice::<Pairs<Value>>(&body);
        let given = parsed.map_err(|error| invalid(error.to_string()))?.pairs;
        if given.iter().any(|(_, value)| depth(value) >= JSON_MAX_DEPTH) {
            return Err(invalid(format!("nested deeper than {JSON_MAX_DEPTH}")));
        }
        Ok(Self { body, given, broken: Vec::new(), meaning: Vec::new() })
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

    /// Notes what a field means.
    fn means(&mut self, name: &'static str, meant: Meant) {
        self.meaning.push((name, meant));
    }

    /// A text with a visible character, in Normalization Form C.
    pub fn text(&mut self, name: &'static str, max_chars: usize) -> Option<String> {
        let Value::String(text) = self.required(name)? else {
            self.broke(name, Rule::Text);
            return None;
        };
        let text = text::nfc(&text).into_owned();
        let before = self.broken.len();
        if !text::is_visible(&text) {
            self.broke(name, Rule::NotBlank);
        } else if text::acts_on_neighbours(&text) {
            self.broke(name, Rule::NoControls);
        }
        if text.chars().count() > max_chars {
            self.broke(name, Rule::MaxChars(max_chars));
        }
        self.means(name, Meant::Text(text.clone()));
        (self.broken.len() == before).then_some(text)
    }

    /// A number, exactly as it is written.
    pub fn decimal(&mut self, name: &'static str) -> Option<Decimal> {
        let value = self.required(name)?;
        let written = value.is_number().then(|| self.written(name)).flatten();
        let number = written.as_deref().and_then(Decimal::parse);
        let Some(number) = number else {
            self.broke(name, Rule::Number);
            return None;
        };
        self.means(name, number.in_units(0).map_or(Meant::Number(value), Meant::Integer));
        Some(number)
    }

    /// A field as the body writes it.
    fn written(&self, name: &str) -> Option<String> {
        let Pairs { pairs, .. } = serde_json::from_slice::<Pairs<&RawValue>>(&self.body).ok()?;
        let found = pairs.into_iter().find(|(field, _)| field == name);
        found.map(|(_, raw)| raw.get().to_owned())
    }

    /// An instant.
    pub fn time(&mut self, name: &'static str) -> Option<Timestamp> {
        let value = self.required(name)?;
        let time = value.as_str().and_then(parse_time);
        match time {
            Some(time) => self.means(name, Meant::Time(Time(time))),
            None => self.broke(name, Rule::Date),
        }
        time
    }

    /// A user's id.
    pub fn user(&mut self, name: &'static str) -> Option<UserId> {
        self.text(name, UserId::MAX_CHARS).map(|text| UserId::new(&text))
    }

    /// A seat's id, or an id that no seat has.
    pub fn seat(&mut self, name: &'static str) -> Option<Uuid> {
        let value = self.required(name)?;
        let seat = self.id(name, &value)?;
        self.means(name, Meant::Seat(Id(seat)));
        Some(seat)
    }

    /// A list of seats' ids. One too long for a reservation gives one error, not one an entry.
    pub fn seats(&mut self, name: &'static str) -> Option<Vec<Uuid>> {
        let Value::Array(values) = self.required(name)? else {
            self.broke(name, Rule::List);
            return None;
        };
        if values.len() > Reservation::MAX_SEATS {
            self.broke(name, Rule::Seats(Reservation::MAX_SEATS));
            return None;
        }
        // All are read first, so that every malformed id is reported.
        let entries = values.iter().enumerate();
        let read: Vec<_> =
            entries.map(|(i, value)| self.id(&format!("{name}[{i}]"), value)).collect();
        let seats: Vec<_> = read.into_iter().collect::<Option<_>>()?;
        self.means(name, Meant::Seats(seats.iter().copied().map(Id).collect()));
        Some(seats)
    }

    fn id(&mut self, name: &str, value: &Value) -> Option<Uuid> {
        let Some(text) = value.as_str() else {
            self.broke(name, Rule::Text);
            return None;
        };
        let id = parse_id(text);
        if id.is_none() {
            self.broke(name, Rule::Uuid);
        }
        id
    }

    /// Ends the reading, and returns the meaning; fails when any rule was broken or any field is
    /// unknown.
    pub fn finish(mut self) -> Result<Meaning, ApiError> {
        for (field, _) in std::mem::take(&mut self.given) {
            self.broke(&field, Rule::UnknownField);
        }
        if !self.broken.is_empty() {
            return Err(ApiError::broken(self.broken));
        }
        Ok(Meaning(Some(self.meaning)))
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
struct Pairs<T> {
    pairs: Vec<(String, T)>,
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Pairs<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Members<T> {
            type Value = Pairs<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs<T>, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs { pairs })
            }
        }
        deserializer.deserialize_map(Members(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Keys are kept for a day, over an update of the program: these texts are those of every version.
    #[test]
    fn the_meaning_of_a_body_never_changes() {
        let seat = "01900000-0000-7000-8000-000000100001";
        let body = format!(
            r#"{{"userId": "zo\u0065\u0301", "seatId": "{0}", "seatIds": ["{0}"], "startsAt": "2027-01-01T10:00:00-03:00",
                "totalSeats": 16.0, "ticketPrice": 25.50}}"#,
            seat.to_uppercase()
        );
        let mut fields = Fields::parse(body.into()).unwrap();
        assert!(fields.user("userId").is_some());
        assert!(fields.seat("seatId").is_some() && fields.seats("seatIds").is_some());
        assert!(fields.time("startsAt").is_some());
        assert!(fields.decimal("totalSeats").is_some() && fields.decimal("ticketPrice").is_some());
        let meaning = format!(
            r#"[["seatId","{seat}"],["seatIds",["{seat}"]],["startsAt","2027-01-01T13:00:00.000Z"],["ticketPrice",25.5],["totalSeats",16],["userId","zoé"]]"#
        );
        assert_eq!(fields.finish().unwrap().to_text(), meaning);
        assert_eq!(Meaning::none().to_text(), "");
    }
}
