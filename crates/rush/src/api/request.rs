//! Rendering requests: an [`Invoke`] becomes the bytes that are sent.

use std::io::Write as _;

use crate::client::Target;
use crate::history::{Action, Invoke};

/// Replaces the contents of `into` with the request for an operation.
pub fn render(invoke: &Invoke, target: &Target, into: &mut Vec<u8>) {
    into.clear();
    let reservation = invoke.reservation.as_deref().unwrap_or_default();
    let session = invoke.session.as_deref().unwrap_or_default();
    let (method, parts) = match invoke.action {
        Action::Reserve => ("POST", ["/reservations", "", ""]),
        Action::Confirm => ("POST", ["/payments/confirm/", reservation, ""]),
        Action::Cancel => ("DELETE", ["/reservations/", reservation, ""]),
        Action::Extend => ("POST", ["/reservations/", reservation, "/extend"]),
        Action::Seats => ("GET", ["/seats/", session, ""]),
        Action::Reservation => ("GET", ["/reservations/", reservation, ""]),
        Action::Sales => ("GET", ["/sales/history/", &invoke.user, ""]),
    };
    begin(method, parts, target, into);
    if let Some(key) = &invoke.key {
        into.extend_from_slice(b"idempotency-key: ");
        into.extend_from_slice(key.as_bytes());
        into.extend_from_slice(b"\r\n");
    }
    match invoke.action {
        Action::Reserve => json(&reserve_body(invoke), into),
        Action::Confirm | Action::Extend => into.extend_from_slice(b"content-length: 0\r\n\r\n"),
        _ => into.extend_from_slice(b"\r\n"),
    }
}

/// Writes the request that opens a session.
pub fn render_session(movie: &str, price_cents: i64, seats: usize, target: &Target) -> Vec<u8> {
    let mut into = Vec::new();
    begin("POST", ["/sessions", "", ""], target, &mut into);
    let movie = text(movie);
    let (whole, cents) = (price_cents / 100, price_cents % 100);
    let body = format!(
        r#"{{"movie":{movie},"room":"Rush","startsAt":"2030-01-01T20:00:00.000Z","ticketPrice":{whole}.{cents:02},"totalSeats":{seats}}}"#,
    );
    json(&body, &mut into);
    into
}

/// Writes the request that closes a session.
pub fn render_closing(session: &str, target: &Target) -> Vec<u8> {
    let mut into = Vec::new();
    begin("DELETE", ["/sessions/", session, ""], target, &mut into);
    into.extend_from_slice(b"\r\n");
    into
}

/// Writes the request that asks a server for its name.
pub fn render_health(target: &Target) -> Vec<u8> {
    let mut into = Vec::new();
    begin("GET", ["/health", "", ""], target, &mut into);
    into.extend_from_slice(b"\r\n");
    into
}

fn begin(method: &str, parts: [&str; 3], target: &Target, into: &mut Vec<u8>) {
    let [before, name, after] = parts;
    into.extend_from_slice(method.as_bytes());
    into.push(b' ');
    into.extend_from_slice(target.base.as_bytes());
    into.extend_from_slice(before.as_bytes());
    escape(name, into);
    into.extend_from_slice(after.as_bytes());
    into.extend_from_slice(b" HTTP/1.1\r\nhost: ");
    into.extend_from_slice(target.host.as_bytes());
    into.extend_from_slice(b"\r\n");
}

fn json(body: &str, into: &mut Vec<u8>) {
    let size = body.len();
    // Writing to memory cannot fail.
    let _ = write!(into, "content-type: application/json\r\ncontent-length: {size}\r\n\r\n{body}");
}

fn reserve_body(invoke: &Invoke) -> String {
    let user = text(&invoke.user);
    if let [seat] = &invoke.seats[..] {
        return format!(r#"{{"seatId":{},"userId":{user}}}"#, text(seat));
    }
    let seats: Vec<_> = invoke.seats.iter().map(|seat| text(seat)).collect();
    format!(r#"{{"seatIds":[{}],"userId":{user}}}"#, seats.join(","))
}

/// Text as a JSON string: ids come from the server and may have any characters.
fn text(plain: &str) -> String {
    serde_json::Value::from(plain).to_string()
}

/// A part of a path, with all but the plainest characters escaped.
fn escape(part: &str, into: &mut Vec<u8>) {
    for byte in part.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            into.push(byte);
        } else {
            let _ = write!(into, "%{byte:02X}");
        }
    }
}
