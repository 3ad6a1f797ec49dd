//! Every row of every table, in one form for both stores.
//!
//! Ids of outbox rows and events are made anew by each store, so they are replaced by their order.
//! All else, times included, comes with the story.

use std::collections::BTreeMap;

use poltrona_testkit::place::{Place, TABLES};
use serde_json::Value;

use super::schema::{Column, columns};

/// Nothing in a column.
pub(super) const NULL: &str = "∅";
/// Between two columns, and between two rows; nothing that a story writes has one.
const COLUMN_END: char = '\u{1f}';
const ROW_END: char = '\u{1e}';

/// Rows, in order.
pub(super) type Rows = Vec<String>;

/// One row in words.
pub(super) fn row(columns: &[(&str, String)]) -> String {
    let columns: Vec<_> = columns.iter().map(|(name, value)| format!("{name}={value} ")).collect();
    columns.concat()
}

/// Every row of every table, and the outbox once more, as no more than names.
pub(super) fn all(place: &Place) -> BTreeMap<&'static str, Rows> {
    let mut tables: BTreeMap<_, _> =
        TABLES.iter().map(|table| (*table, read(place, table))).collect();
    let mut messages: Vec<_> =
        tables["outbox"].iter().chain(&tables["inbox"]).filter_map(message).collect();
    messages.sort_unstable();
    messages.dedup();
    let place = |id: &String| messages.iter().position(|it| it == id).expect("it was found there");
    let mut short = Rows::new();
    for table in ["outbox", "inbox"] {
        let rows = tables.get_mut(table).expect("it was read");
        for fields in rows.iter_mut() {
            let id = &message(fields).expect("an id");
            for (name, value) in fields.iter_mut() {
                if value == id {
                    *value = format!("{:03}", place(id));
                }
                if name == "events" {
                    *value = without_ids(value);
                }
            }
        }
    }
    let mut outbox = tables["outbox"].clone();
    outbox.sort_unstable();
    for (place, fields) in outbox.iter().enumerate() {
        short.push(format!("{place:03} at {}: {}", fields[2].1, event_names(&fields[1].1)));
    }
    let in_words = |fields: Fields| {
        let fields: Vec<_> = fields.iter().map(|(name, value)| (&**name, value.clone())).collect();
        row(&fields)
    };
    let mut all = BTreeMap::from([("outbox in short", short)]);
    for (table, rows) in tables {
        let mut rows: Rows = rows.into_iter().map(in_words).collect();
        rows.sort_unstable();
        all.insert(table, rows);
    }
    all
}

/// Names of columns and their values.
type Fields = Vec<(String, String)>;

/// The id of the message that a row of the outbox or an inbox is about.
fn message(fields: &Fields) -> Option<String> {
    let is_id = |name: &str| matches!(name, "id" | "event_id");
    fields.iter().find(|(name, _)| is_id(name)).map(|(_, value)| value.clone())
}

fn read(place: &Place, table: &str) -> Vec<Fields> {
    let columns = columns(place, table);
    let value = |column: &Column| format!("coalesce({}, '{NULL}')", as_text(column));
    let values: Vec<_> = columns.iter().map(value).collect();
    let line = values.join(&format!(" || '{COLUMN_END}' || "));
    let group = if place.is_a_folder() { "group_concat" } else { "string_agg" };
    let sql = format!("SELECT coalesce({group}({line}, '{ROW_END}'), '') FROM {table}");
    let text: String = place.sql(&sql);
    let names = || columns.iter().map(|column| column.name.clone());
    let fields = |line: &str| names().zip(line.split(COLUMN_END).map(str::to_owned)).collect();
    text.split(ROW_END).filter(|line| !line.is_empty()).map(fields).collect()
}

/// A column as text: ids and bytes in hexadecimal, lists with commas.
fn as_text(Column { name, kind, .. }: &Column) -> String {
    match kind.as_str() {
        // `hex` makes an empty text of NULL.
        "BLOB" => format!("CASE WHEN {name} IS NOT NULL THEN lower(hex({name})) END"),
        "uuid" => format!("replace({name}::text, '-', '')"),
        "bytea" => format!("encode({name}, 'hex')"),
        "ARRAY" => format!("array_to_string({name}, ',')"),
        _ => format!("CAST({name} AS text)"),
    }
}

/// Events without their ids.
fn without_ids(events: &str) -> String {
    let mut events: Vec<Value> = serde_json::from_str(events).expect("events");
    for event in &mut events {
        let id = event["id"].take();
        assert_eq!(id.as_str().map(str::len), Some(36), "{event} has an id");
    }
    serde_json::to_string(&events).expect("JSON")
}

fn event_names(events: &str) -> String {
    let events: Vec<Value> = serde_json::from_str(events).expect("events");
    let name = |event: &Value| event["type"].as_str().expect("a type").to_owned();
    events.iter().map(name).collect::<Vec<_>>().join(" ")
}
