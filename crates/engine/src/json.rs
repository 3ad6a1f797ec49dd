//! Writing JSON member by member.
//!
//! Events and answers are written for every change, and nearly all of their members are names, ids, times and
//! constants that need no escaping. Written as they are, they cost a third of what a general serialiser takes. The
//! rest goes through that one, so the text is the same.

use poltrona_domain::{Cents, Layout, SeatId, SeatNo, Timestamp};
use serde::Serialize;
use uuid::Uuid;

use crate::wire::{Money, TIME_BYTES, Time};

const NULL: &[u8] = b"null";

/// An object that is being written at the end of a buffer.
pub struct Object<'a>(&'a mut Vec<u8>);

impl<'a> Object<'a> {
    /// Begins an object.
    pub fn begin(json: &'a mut Vec<u8>) -> Self {
        json.push(b'{');
        Self(json)
    }

    /// The object that was begun last, to be continued.
    pub const fn of(json: &'a mut Vec<u8>) -> Self {
        Self(json)
    }

    /// Ends it.
    pub fn end(self) {
        self.0.push(b'}');
    }

    /// Begins a member; its value is written next.
    pub fn name(&mut self, name: &'static str) {
        if self.0.last() != Some(&b'{') {
            self.0.push(b',');
        }
        self.0.push(b'"');
        self.0.extend_from_slice(name.as_bytes());
        self.0.extend_from_slice(b"\":");
    }

    /// A text without quotes, backslashes and control characters.
    pub fn plain(&mut self, name: &'static str, text: &str) {
        debug_assert!(is_plain(text), "{text:?} has to be escaped");
        self.name(name);
        quote(self.0, text);
    }

    /// Any text.
    pub fn text(&mut self, name: &'static str, text: &str) -> serde_json::Result<()> {
        if is_plain(text) {
            self.plain(name, text);
            return Ok(());
        }
        self.value(name, &text)
    }

    /// An id.
    pub fn id(&mut self, name: &'static str, id: Uuid) {
        self.name(name);
        quote_id(self.0, id);
    }

    /// The ids of seats.
    pub fn ids(
        &mut self,
        name: &'static str,
        seats: impl Iterator<Item = SeatId>,
    ) -> serde_json::Result<()> {
        self.list(name, seats, |json, seat| {
            quote_id(json, *seat.as_uuid());
            Ok(())
        })
    }

    /// The labels of seats.
    pub fn labels(&mut self, name: &'static str, seats: &[SeatNo]) -> serde_json::Result<()> {
        self.list(name, seats, |json, no| {
            quote(json, &Layout::label(*no));
            Ok(())
        })
    }

    /// A list, whose items `write` makes.
    pub fn list<T>(
        &mut self,
        name: &'static str,
        items: impl IntoIterator<Item = T>,
        write: impl Fn(&mut Vec<u8>, T) -> serde_json::Result<()>,
    ) -> serde_json::Result<()> {
        self.name(name);
        list(self.0, items, write)
    }

    /// The first of these seats' ids, or null.
    pub fn first_id(&mut self, name: &'static str, mut seats: impl Iterator<Item = SeatId>) {
        self.name(name);
        match seats.next() {
            Some(seat) => quote_id(self.0, *seat.as_uuid()),
            None => self.0.extend_from_slice(NULL),
        }
    }

    /// The first of these seats' labels, or null.
    pub fn first_label(&mut self, name: &'static str, seats: &[SeatNo]) {
        self.name(name);
        match seats.first() {
            Some(no) => quote(self.0, &Layout::label(*no)),
            None => self.0.extend_from_slice(NULL),
        }
    }

    /// A time.
    pub fn time(&mut self, name: &'static str, time: Timestamp) {
        self.plain(name, Time(time).text(&mut [0; TIME_BYTES]));
    }

    /// Money.
    pub fn money(&mut self, name: &'static str, amount: Cents) -> serde_json::Result<()> {
        self.value(name, &Money(amount))
    }

    /// Any other value.
    pub fn value(&mut self, name: &'static str, value: &impl Serialize) -> serde_json::Result<()> {
        self.name(name);
        serde_json::to_writer(&mut *self.0, value)
    }
}

/// Writes a list, whose items `write` makes.
pub fn list<T>(
    json: &mut Vec<u8>,
    items: impl IntoIterator<Item = T>,
    write: impl Fn(&mut Vec<u8>, T) -> serde_json::Result<()>,
) -> serde_json::Result<()> {
    json.push(b'[');
    for (place, item) in items.into_iter().enumerate() {
        if place > 0 {
            json.push(b',');
        }
        write(json, item)?;
    }
    json.push(b']');
    Ok(())
}

/// Whether a text is written in JSON as it is.
fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| byte >= b' ' && byte != b'"' && byte != b'\\')
}

fn quote_id(json: &mut Vec<u8>, id: Uuid) {
    quote(json, id.hyphenated().encode_lower(&mut Uuid::encode_buffer()));
}

fn quote(json: &mut Vec<u8>, text: &str) {
    json.push(b'"');
    json.extend_from_slice(text.as_bytes());
    json.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_wrote_is_escaped_and_members_are_set_apart() {
        let mut json = Vec::new();
        let mut object = Object::begin(&mut json);
        object.plain("a", "b");
        object.text("user", "\"x\"\n").unwrap();
        object.id("id", Uuid::nil());
        object.ids("none", std::iter::empty()).unwrap();
        object.first_id("first", std::iter::empty());
        object.first_label("label", &[]);
        object.labels("seats", &[1, 9].map(|no| SeatNo::new(no).unwrap())).unwrap();
        object.time("at", Timestamp::from_millis(7));
        object.money("price", Cents::new(2_550)).unwrap();
        object.end();
        let nil = Uuid::nil();
        let expected = format!(
            r#"{{"a":"b","user":"\"x\"\n","id":"{nil}","none":[],"first":null,"label":null,"seats":["A1","B1"],"at":"1970-01-01T00:00:00.007Z","price":25.5}}"#
        );
        assert_eq!(String::from_utf8(json).unwrap(), expected);
    }

    #[test]
    fn every_text_is_as_the_general_serialiser_writes_it() {
        let controls = (0..=0x7f_u8).map(|byte| char::from(byte).to_string());
        for text in controls.chain(["ação", "\u{2028}", "👍 \\", ""].map(str::to_owned)) {
            let mut json = Vec::new();
            let mut object = Object::begin(&mut json);
            object.text("t", &text).unwrap();
            object.end();
            assert_eq!(json, serde_json::to_vec(&serde_json::json!({ "t": text })).unwrap());
        }
    }
}
