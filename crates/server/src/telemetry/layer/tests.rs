//! Real events through the real layer, into a buffer.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use poltrona_domain::Timestamp;
use serde_json::{Value, json};
use tracing::{debug, error, info, info_span, warn};
use tracing_subscriber::layer::SubscriberExt as _;

use super::*;

#[derive(Clone, Default)]
struct Buffer(Arc<Mutex<Vec<u8>>>);

impl Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The lines that `story` logs at 11:45.
fn logged(shape: Shape, story: impl FnOnce()) -> String {
    let buffer = Buffer::default();
    let writer = buffer.clone();
    let clock = Clock::manual(Timestamp::from_millis(1_795_520_707_123));
    let lines = Lines::new(shape, clock, move || writer.clone());
    tracing::subscriber::with_default(tracing_subscriber::registry().with(lines), story);
    let bytes = buffer.0.lock().unwrap().clone();
    String::from_utf8(bytes).unwrap()
}

const PLAIN: Shape = Shape::Pretty { colour: false };

#[test]
fn a_line_for_people() {
    let lines = logged(PLAIN, || {
        let _request =
            info_span!("request", request_id = "r-1", user = tracing::field::Empty).entered();
        info!(target: "seat", seat = "A1", held = true, ms = 1.5, "seat held");
        warn!(target: "poltrona::http::router", path = "/a b", "slow");
    });
    assert_eq!(
        lines,
        "11:45:07.123  INFO [seat]        seat held seat=A1 held=true ms=1.5 request_id=r-1\n\
         11:45:07.123  WARN [http]        slow path=\"/a b\" request_id=r-1\n"
    );
}

#[test]
fn colours_only_where_they_are_asked_for() {
    let story = || error!(target: "payment", "refused");
    assert!(!logged(PLAIN, story).contains('\u{1b}'));
    let line = logged(Shape::Pretty { colour: true }, story);
    assert!(line.contains("\u{1b}[1;31mERROR\u{1b}[0m"), "{line:?}");
    assert!(line.contains("\u{1b}[30;48;5;114m payment \u{1b}[0m"), "{line:?}");
}

#[test]
fn input_cannot_split_or_forge_a_line() {
    let nasty = "x\n11:45:07.123  INFO [sale] sold\u{1b}[2K\u{202e}\u{2028}\u{9b}";
    let lines = logged(PLAIN, || {
        info!(user = nasty, quoted = "a\" admin=\"yes", empty = "", "hello {nasty}");
        debug!(user = %nasty, list = ?["a b"]);
    });
    assert_eq!(lines.lines().count(), 2, "{lines}");
    assert!(!lines.contains(['\u{1b}', '\u{202e}', '\u{2028}', '\u{9b}']), "{lines:?}");
    assert!(lines.contains("user=\"x\\n11:45:07.123  INFO [sale] sold\\u{1b}[2K"), "{lines}");
    assert!(lines.contains("quoted=\"a\\\" admin=\\\"yes\" empty=\"\""), "{lines}");
    let objects = logged(Shape::Json, || info!(user = nasty, "hello {nasty}"));
    assert_eq!(objects.lines().count(), 1, "{objects}");
}

#[test]
fn a_line_for_machines_is_one_flat_object() {
    let line = logged(Shape::Json, || {
        let _outer = info_span!("connection", peer = "p", request_id = "outer").entered();
        let inner = info_span!("request", request_id = "r-1", route = tracing::field::Empty);
        inner.record("route", "/seats/{id}");
        let _inner = inner.entered();
        info!(target: "http", status = 200, level = "mine", r#type = "t", "answered");
    });
    assert!(
        line.starts_with("{\"timestamp\":\"2026-11-24T11:45:07.123Z\",\"level\":\"INFO\","),
        "{line}"
    );
    assert!(line.ends_with("}\n"));
    assert_eq!(
        serde_json::from_str::<Value>(&line).unwrap(),
        json!({
            "timestamp": "2026-11-24T11:45:07.123Z", "level": "INFO", "target": "http",
            "message": "answered", "status": 200, "field_level": "mine", "type": "t",
            "request_id": "r-1", "route": "/seats/{id}", "peer": "p",
        })
    );
}

#[test]
fn an_error_is_logged_with_its_causes() {
    #[derive(Debug, thiserror::Error)]
    #[error("the batch failed")]
    struct Failed(#[source] io::Error);

    let failed = Failed(io::Error::other("disk full"));
    let story = || error!(error = &failed as &dyn std::error::Error, not_a_number = f64::NAN);
    let line: Value = serde_json::from_str(&logged(Shape::Json, story)).unwrap();
    assert_eq!(line["error"], "the batch failed: disk full");
    assert_eq!(line["not_a_number"], "NaN");
    assert_eq!(line["message"], "");
}
