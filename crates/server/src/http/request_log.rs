//! The log of requests: one line each, and ten a second of a kind under load.
//!
//! Every line has the same fields. Under a storm only the first lines of each second are written
//! for each kind of answer, then one with the number of the others, so that the log stays readable
//! and its cost bounded.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;
use tracing::{error, info, warn};

use super::code::Code;
use super::kind::{ByKind, Kind};

/// How many lines a second are written for each kind of answer.
const LINES_A_SECOND: u32 = 10;
const SECOND_MILLIS: u64 = 1_000;

/// An answered request.
pub(super) struct Answered<'a> {
    /// Its kind.
    pub(super) kind: Kind,
    /// The request's id.
    pub(super) request_id: &'a str,
    /// The time from its headers to its answer.
    pub(super) took: Duration,
    /// When it was answered.
    pub(super) at: Instant,
}

/// The log of requests.
pub(super) struct RequestLog {
    windows: ByKind<Window>,
    /// A second before the log began, so that no window begins at 0.
    origin: Instant,
}

/// The lines of one kind within one second.
struct Window {
    kind: Kind,
    /// When the second began, in milliseconds after the log's origin, and in the lowest bits how many
    /// requests came since; 0 when none came since the last was closed.
    state: AtomicU64,
}

/// The bits that count requests: enough for sixteen million within a second.
const COUNT_BITS: u32 = 24;
const COUNT: u64 = (1 << COUNT_BITS) - 1;

impl RequestLog {
    /// A log that begins now.
    pub(super) fn new() -> Self {
        let now = Instant::now();
        let origin = now.checked_sub(Duration::from_millis(SECOND_MILLIS)).unwrap_or(now);
        Self { windows: ByKind::new(), origin }
    }

    /// Writes the line of a request, unless there were enough like it within this second.
    pub(super) fn answered(&self, request: &Answered<'_>) {
        let (is_written, left_out) = self.take(request.kind, request.at);
        if left_out > 0 {
            log_left_out(request.kind, left_out);
        }
        if is_written {
            request.log();
        }
    }

    /// Whether a line of this kind is written now, and how many were left out in the second that
    /// ends with it.
    fn take(&self, kind: Kind, now: Instant) -> (bool, u32) {
        let window = self.windows.get(kind, || Window { kind, state: AtomicU64::new(0) });
        window.take(self.millis(now))
    }

    /// Writes how many lines were left out in the seconds that are over. To be called once a
    /// second, and at the end with `all`.
    pub(super) fn close_windows(&self, all: bool) {
        for (kind, left_out) in self.closed(all, Instant::now()) {
            log_left_out(kind, left_out);
        }
    }

    fn closed(&self, all: bool, now: Instant) -> Vec<(Kind, u32)> {
        let now = self.millis(now);
        let closed = self.windows.values().map(|window| (window.kind, window.close(all, now)));
        closed.filter(|(_, left_out)| *left_out > 0).collect()
    }

    fn millis(&self, at: Instant) -> u64 {
        let since = at.saturating_duration_since(self.origin).as_millis();
        u64::try_from(since).unwrap_or(u64::MAX)
    }
}

impl Window {
    /// Counts a request. Returns whether its line is written, and how many lines were left out in the
    /// second that ends with it.
    fn take(&self, now: u64) -> (bool, u32) {
        let mut state = self.state.load(Ordering::Relaxed);
        while is_over(state, now) {
            let begun = (now << COUNT_BITS) | 1;
            match self.state.compare_exchange(state, begun, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return (true, left_out(state)),
                Err(changed) => state = changed,
            }
        }
        let before = self.state.fetch_add(1, Ordering::Relaxed);
        (before & COUNT < u64::from(LINES_A_SECOND), 0)
    }

    /// Ends a second that is over, or any. Returns how many lines were left out.
    fn close(&self, all: bool, now: u64) -> u32 {
        let state = self.state.load(Ordering::Relaxed);
        if !(all || is_over(state, now)) {
            return 0;
        }
        let closed = self.state.compare_exchange(state, 0, Ordering::Relaxed, Ordering::Relaxed);
        // Whoever changed it began the next second, or takes part in this one.
        closed.map_or(0, left_out)
    }
}

/// Whether the second is over that a window's state counts in.
const fn is_over(state: u64, now: u64) -> bool {
    now.saturating_sub(state >> COUNT_BITS) >= SECOND_MILLIS
}

/// How many requests of a window's state had no line.
fn left_out(state: u64) -> u32 {
    let count = u32::try_from(state & COUNT).unwrap_or(u32::MAX);
    count.saturating_sub(LINES_A_SECOND)
}

impl Answered<'_> {
    /// Successes at info, errors of clients at warn, errors of ours at error.
    fn log(&self) {
        let Self { kind, request_id, took, .. } = *self;
        let (method, route, status, code) = parts(kind);
        // To a tenth: nobody reads the rest.
        let ms = (took.as_secs_f64() * 1e4).round() / 10.0;
        match status {
            500.. => error!(target: "http", method, route, status, ms, code, request_id, "failed"),
            400.. => warn!(target: "http", method, route, status, ms, code, request_id, "refused"),
            _ => info!(target: "http", method, route, status, ms, code, request_id, "answered"),
        }
    }
}

/// A kind as its lines show it: method, route, status and code.
fn parts(kind: Kind) -> (&'static str, &'static str, u16, Option<&'static str>) {
    (kind.method(), kind.route(), kind.status.as_u16(), kind.code.map(Code::as_str))
}

fn log_left_out(kind: Kind, left_out: u32) {
    const MORE: &str = "lines like these left out within a second";
    let (method, route, status, code) = parts(kind);
    match status {
        500.. => error!(target: "http", method, route, status, code, left_out, "{MORE}"),
        400.. => warn!(target: "http", method, route, status, code, left_out, "{MORE}"),
        _ => info!(target: "http", method, route, status, code, left_out, "{MORE}"),
    }
}

#[cfg(test)]
mod tests {
    use http::{Method, StatusCode};

    use super::super::kind::RouteLabel;
    use super::*;

    const SECOND: Duration = Duration::from_millis(SECOND_MILLIS);

    #[test]
    fn a_storm_has_ten_lines_a_second_for_each_kind_and_then_a_count() {
        let fine = Kind::new(&Method::GET, RouteLabel::UNMATCHED, StatusCode::OK, None);
        let code = Code::SeatHeld;
        let held = Kind::new(&Method::POST, RouteLabel::UNMATCHED, code.status(), Some(code));
        let log = RequestLog::new();
        let start = Instant::now();
        let written = |kind| (0..25).filter(|_| log.take(kind, start).0).count();
        assert_eq!((written(held), written(fine)), (10, 10));
        // The first of the next second brings the count of the last.
        assert_eq!(log.take(held, start + SECOND), (true, 15));
        assert_eq!(log.take(held, start + SECOND), (true, 0));
        // Where none comes, the count comes by itself.
        assert_eq!(log.closed(false, start), []);
        assert_eq!(log.closed(false, start + SECOND), [(fine, 15)]);
        assert_eq!(log.closed(true, start + SECOND), []);
        assert_eq!(log.take(held, start + SECOND), (true, 0), "closed windows begin anew");
    }
}
