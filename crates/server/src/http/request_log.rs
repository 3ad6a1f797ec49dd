//! The log of requests: one line each, and ten a second of a kind under load.
//!
//! Every line has the same fields. Under a storm only the first lines of each second are written
//! for each kind of answer, then one with the number of the others, so that the log stays readable
//! and its cost bounded.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::StatusCode;
use tokio::time::Instant;
use tracing::{error, info, warn};

use super::code::Code;

/// How many lines a second are written for each kind of answer.
const LINES_A_SECOND: u32 = 10;
const SECOND: Duration = Duration::from_secs(1);

/// An answered request.
pub(super) struct Answered<'a> {
    /// Its method, by its known name.
    pub(super) method: &'static str,
    /// The template of its path, so that no user's id comes into the log.
    pub(super) route: &'static str,
    /// The status of the answer.
    pub(super) status: StatusCode,
    /// The code of an error.
    pub(super) code: Option<Code>,
    /// The request's id.
    pub(super) request_id: &'a str,
    /// The time from its headers to its answer.
    pub(super) took: Duration,
}

/// Requests of one kind, whose lines are alike.
type Kind = (&'static str, &'static str, u16, Option<&'static str>);

/// The log of requests.
#[derive(Default)]
pub(super) struct RequestLog {
    windows: Mutex<HashMap<Kind, Window>>,
}

/// The lines of one kind within one second.
struct Window {
    since: Instant,
    written: u32,
    left_out: u32,
}

impl RequestLog {
    /// Writes the line of a request, unless there were enough like it within this second.
    pub(super) fn answered(&self, request: &Answered<'_>) {
        let kind = request.kind();
        let (is_written, left_out) = self.take(kind, Instant::now());
        if left_out > 0 {
            log_left_out(kind, left_out);
        }
        if is_written {
            request.log();
        }
    }

    /// Whether a line of this kind is written now, and how many were left out in the second that
    /// ends with it.
    fn take(&self, kind: Kind, now: Instant) -> (bool, u32) {
        let mut windows = self.lock();
        let window = windows.entry(kind).or_insert_with(|| Window::new(now));
        let mut left_out = 0;
        if now.saturating_duration_since(window.since) >= SECOND {
            left_out = std::mem::replace(window, Window::new(now)).left_out;
        }
        if window.written < LINES_A_SECOND {
            window.written += 1;
            return (true, left_out);
        }
        window.left_out += 1;
        (false, left_out)
    }

    /// Writes how many lines were left out in the seconds that are over. To be called once a
    /// second, and at the end with `all`.
    pub(super) fn close_windows(&self, all: bool) {
        for (kind, left_out) in self.closed(all, Instant::now()) {
            log_left_out(kind, left_out);
        }
    }

    fn closed(&self, all: bool, now: Instant) -> Vec<(Kind, u32)> {
        let mut windows = self.lock();
        let is_over = |window: &Window| all || now.duration_since(window.since) >= SECOND;
        let over = windows.extract_if(|_, window| is_over(window));
        over.map(|(kind, window)| (kind, window.left_out)).filter(|it| it.1 > 0).collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Kind, Window>> {
        self.windows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Window {
    const fn new(since: Instant) -> Self {
        Self { since, written: 0, left_out: 0 }
    }
}

impl Answered<'_> {
    fn kind(&self) -> Kind {
        (self.method, self.route, self.status.as_u16(), self.code.map(Code::as_str))
    }

    /// Successes at info, errors of clients at warn, errors of ours at error.
    fn log(&self) {
        let Self { request_id, took, .. } = *self;
        let (method, route, status, code) = self.kind();
        // To a tenth: nobody reads the rest.
        let ms = (took.as_secs_f64() * 1e4).round() / 10.0;
        match status {
            500.. => error!(target: "http", method, route, status, ms, code, request_id, "failed"),
            400.. => warn!(target: "http", method, route, status, ms, code, request_id, "refused"),
            _ => info!(target: "http", method, route, status, ms, code, request_id, "answered"),
        }
    }
}

fn log_left_out((method, route, status, code): Kind, left_out: u32) {
    const MORE: &str = "lines like these left out within a second";
    match status {
        500.. => error!(target: "http", method, route, status, code, left_out, "{MORE}"),
        400.. => warn!(target: "http", method, route, status, code, left_out, "{MORE}"),
        _ => info!(target: "http", method, route, status, code, left_out, "{MORE}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FINE: Kind = ("GET", "/health", 200, None);
    const HELD: Kind = ("POST", "/reservations", 409, Some("seat_held"));

    #[test]
    fn a_storm_has_ten_lines_a_second_for_each_kind_and_then_a_count() {
        let log = RequestLog::default();
        let start = Instant::now();
        let written = |kind| (0..25).filter(|_| log.take(kind, start).0).count();
        assert_eq!((written(HELD), written(FINE)), (10, 10));
        // The first of the next second brings the count of the last.
        assert_eq!(log.take(HELD, start + SECOND), (true, 15));
        assert_eq!(log.take(HELD, start + SECOND), (true, 0));
        // Where none comes, the count comes by itself.
        assert_eq!(log.closed(false, start), []);
        assert_eq!(log.closed(false, start + SECOND), [(FINE, 15)]);
        assert_eq!(log.closed(true, start + SECOND), []);
        assert!(log.lock().is_empty(), "nothing is kept");
    }
}
