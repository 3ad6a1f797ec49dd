//! Writing a JSON object member by member.
//!
//! Events are encoded for every change, and nearly all of their members are names, ids, times and constants that
//! need no escaping. Written as they are, they cost a third of what a general serialiser takes; everything that
//! people wrote goes through that one.

use poltrona_domain::SeatId;
use serde::Serialize;
use uuid::Uuid;

/// An object that is being written at the end of a buffer.
pub(super) struct Object<'a>(&'a mut Vec<u8>);

impl<'a> Object<'a> {
    /// Begins an object.
    pub(super) fn begin(json: &'a mut Vec<u8>) -> Self {
        json.push(b'{');
        Self(json)
    }

    /// Goes on with the object that was begun last, and has a member.
    pub(super) const fn of(json: &'a mut Vec<u8>) -> Self {
        Self(json)
    }

    /// Ends it.
    pub(super) fn end(self) {
        self.0.push(b'}');
    }

    /// Begins a member; its value is written next.
    pub(super) fn name(&mut self, name: &'static str) {
        if self.0.last() != Some(&b'{') {
            self.0.push(b',');
        }
        self.0.push(b'"');
        self.0.extend_from_slice(name.as_bytes());
        self.0.extend_from_slice(b"\":");
    }

    /// A text without quotes, backslashes and control characters.
    pub(super) fn plain(&mut self, name: &'static str, text: &str) {
        self.name(name);
        self.quoted(text);
    }

    /// An id.
    pub(super) fn id(&mut self, name: &'static str, id: Uuid) {
        self.name(name);
        self.quoted_id(id);
    }

    /// The ids of seats.
    pub(super) fn ids(&mut self, name: &'static str, ids: impl Iterator<Item = SeatId>) {
        self.name(name);
        self.0.push(b'[');
        for (place, id) in ids.enumerate() {
            if place > 0 {
                self.0.push(b',');
            }
            self.quoted_id(*id.as_uuid());
        }
        self.0.push(b']');
    }

    /// Any other value.
    pub(super) fn value(
        &mut self,
        name: &'static str,
        value: &impl Serialize,
    ) -> serde_json::Result<()> {
        self.name(name);
        serde_json::to_writer(&mut *self.0, value)
    }

    fn quoted_id(&mut self, id: Uuid) {
        self.quoted(id.hyphenated().encode_lower(&mut Uuid::encode_buffer()));
    }

    fn quoted(&mut self, text: &str) {
        self.0.push(b'"');
        self.0.extend_from_slice(text.as_bytes());
        self.0.push(b'"');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_wrote_is_escaped_and_members_are_set_apart() {
        let mut json = Vec::new();
        let mut object = Object::begin(&mut json);
        object.plain("a", "b");
        object.value("user", &"\"x\"\n").unwrap();
        object.id("id", Uuid::nil());
        object.ids("none", std::iter::empty());
        object.end();
        let nil = Uuid::nil();
        let expected = format!(r#"{{"a":"b","user":"\"x\"\n","id":"{nil}","none":[]}}"#);
        assert_eq!(String::from_utf8(json).unwrap(), expected);
    }
}
