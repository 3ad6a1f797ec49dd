//! The log of requests: one line each, and ten a second of a kind under load.
//!
//! Every line has the same fields. Kinds have limits of their own, so that a storm of refusals hides no other line.

use std::time::Duration;

use poltrona_engine::observe::line_limit::{LineLimit, LogTime, Verdict};
use tokio::time::Instant;
use tracing::{error, info, warn};

use super::code::Code;
use super::kind::{ByKind, Kind};

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
    time: LogTime,
    limits: ByKind<(Kind, LineLimit)>,
}

impl RequestLog {
    /// A log that begins now.
    pub(super) fn new() -> Self {
        Self { time: LogTime::new(), limits: ByKind::new() }
    }

    /// Writes the line of a request, unless there were enough like it within this second.
    pub(super) fn answered(&self, request: &Answered<'_>) {
        let verdict = self.take(request.kind, request.at);
        if verdict.left_out > 0 {
            log_left_out(request.kind, verdict.left_out);
        }
        if verdict.is_written {
            request.log();
        }
    }

    fn take(&self, kind: Kind, now: Instant) -> Verdict {
        let (_, limit) = self.limits.get(kind, || (kind, LineLimit::default()));
        limit.take(self.time, now)
    }

    /// Writes how many lines were left out in the seconds that are over. To be called once a
    /// second, and at the end with `all`.
    pub(super) fn close(&self, all: bool) {
        for (kind, left_out) in self.closed(all, Instant::now()) {
            log_left_out(kind, left_out);
        }
    }

    fn closed(&self, all: bool, now: Instant) -> Vec<(Kind, u32)> {
        let limits = self.limits.values();
        let closed = limits.map(|(kind, limit)| (*kind, limit.close(self.time, now, all)));
        closed.filter(|(_, left_out)| *left_out > 0).collect()
    }
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

    #[test]
    fn each_kind_has_a_limit_of_its_own() {
        let fine = Kind::new(&Method::GET, RouteLabel::UNMATCHED, StatusCode::OK, None);
        let code = Code::SeatHeld;
        let held = Kind::new(&Method::POST, RouteLabel::UNMATCHED, code.status(), Some(code));
        let (log, now) = (RequestLog::new(), Instant::now());
        let written = |kind, count| (0..count).filter(|_| log.take(kind, now).is_written).count();
        assert_eq!((written(held, 25), written(fine, 12)), (10, 10));
        assert_eq!(log.closed(false, now), [], "the second is not over");
        let next = now + Duration::from_secs(1);
        assert_eq!(log.take(held, next), Verdict { is_written: true, left_out: 15 });
        assert_eq!(log.closed(false, next), [(fine, 2)]);
        assert_eq!(log.closed(true, next), []);
    }
}
