//! Lines for people: time, level, a badge, the message, fields.
//!
//! Nothing that a client sends can split or forge a line: control characters and those that change
//! the direction of text are escaped, and a value with white space is quoted.

use std::fmt::Write as _;

use serde_json::Value;
use tracing::Level;

use super::badge;
use super::entry::Entry;
use poltrona_engine::text;

const RESET: &str = "\x1b[0m";
const DIM: &str = "\x1b[2m";

pub(super) fn line(entry: &Entry<'_>, colour: bool) -> String {
    let paint = |code| if colour { code } else { "" };
    let (dim, reset) = (paint(DIM), paint(RESET));
    let at = jiff::Timestamp::from_millisecond(entry.at.as_millis()).unwrap_or_default();
    let level = entry.metadata.level();
    let area = badge::area(entry.metadata.target());
    let gap = " ".repeat(badge::WIDTH.saturating_sub(area.len()));
    let mut line = String::with_capacity(160);
    // Writing to a string cannot fail, here and below.
    let _ = write!(line, "{dim}{}{reset} ", at.strftime("%H:%M:%S%.3f"));
    let _ = write!(line, "{}{level:>5}{reset} ", paint(level_colour(*level)));
    let _ = if colour {
        write!(line, "\x1b[30;48;5;{}m {area} {RESET}{gap} ", badge::colour(area))
    } else {
        write!(line, "[{area}]{gap} ")
    };
    escape(&mut line, entry.message);
    for (name, value) in entry.fields {
        let _ = write!(line, " {dim}{name}={reset}");
        field(&mut line, value);
    }
    line.push('\n');
    line
}

const fn level_colour(level: Level) -> &'static str {
    match level {
        Level::ERROR => "\x1b[1;31m",
        Level::WARN => "\x1b[33m",
        Level::INFO => "\x1b[32m",
        Level::DEBUG => "\x1b[34m",
        Level::TRACE => "\x1b[35m",
    }
}

fn field(line: &mut String, value: &Value) {
    let Value::String(text) = value else {
        let _ = write!(line, "{value}");
        return;
    };
    let bare = !text.is_empty() && !text.contains(|c: char| c.is_whitespace() || "=\"".contains(c));
    if bare {
        escape(line, text);
    } else {
        line.push('"');
        escape(line, &text.replace('\\', "\\\\").replace('"', "\\\""));
        line.push('"');
    }
}

fn escape(line: &mut String, shown: &str) {
    for c in shown.chars() {
        match c {
            '\n' => line.push_str("\\n"),
            '\r' => line.push_str("\\r"),
            '\t' => line.push_str("\\t"),
            _ if text::is_unsafe(c) => line.extend(c.escape_unicode()),
            _ => line.push(c),
        }
    }
}
