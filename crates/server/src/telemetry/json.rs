//! Lines for machines: one flat JSON object each.

use std::borrow::Cow;

use serde::ser::{Serialize, SerializeMap, Serializer};

use super::entry::Entry;

/// Names that every line has; a field of the same name is written as `field_<name>`.
const OURS: [&str; 4] = ["timestamp", "level", "target", "message"];

pub(super) fn line(entry: &Entry<'_>) -> String {
    // Strings, numbers and booleans always serialize.
    let mut line = serde_json::to_string(&Object(entry)).unwrap_or_default();
    line.push('\n');
    line
}

struct Object<'a>(&'a Entry<'a>);

impl Serialize for Object<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Entry { at, metadata, message, fields } = self.0;
        let mut object = serializer.serialize_map(None)?;
        let at = jiff::Timestamp::from_millisecond(at.as_millis()).unwrap_or_default();
        object.serialize_entry("timestamp", &format_args!("{at:.3}"))?;
        object.serialize_entry("level", metadata.level().as_str())?;
        object.serialize_entry("target", metadata.target())?;
        object.serialize_entry("message", message)?;
        for (name, value) in *fields {
            object.serialize_entry(&free(name), value)?;
        }
        object.end()
    }
}

fn free(name: &str) -> Cow<'_, str> {
    if OURS.contains(&name) { format!("field_{name}").into() } else { name.into() }
}
