//! A limit on lines of the log that are alike: the first ten of each second are written, the others counted.
//!
//! Under a storm the log stays readable, and its cost bounded.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// How many lines a second are written of a kind.
const LINES_A_SECOND: u32 = 10;
const SECOND_MILLIS: u64 = 1_000;

/// The bits that count lines: enough for sixteen million within a second.
const COUNT_BITS: u32 = 24;
const COUNT: u64 = (1 << COUNT_BITS) - 1;

/// The time that a log's limits share.
#[derive(Clone, Copy, Debug)]
pub struct LogTime {
    /// A second before the log began, so that no second begins at 0.
    origin: Instant,
}

/// The lines of one kind within one second, counted without a lock.
#[derive(Debug, Default)]
pub struct LineLimit {
    /// When the second began, in milliseconds after the log's origin, and in the lowest bits how many
    /// lines came since; 0 when none came since the last was closed.
    state: AtomicU64,
}

/// The verdict on a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Whether the line is written.
    pub is_written: bool,
    /// How many lines were left out in the second that ends with this one.
    pub left_out: u32,
}

impl LogTime {
    /// The time of a log that begins now.
    pub fn new() -> Self {
        let now = Instant::now();
        Self { origin: now.checked_sub(Duration::from_millis(SECOND_MILLIS)).unwrap_or(now) }
    }

    fn millis(self, at: Instant) -> u64 {
        let since = at.saturating_duration_since(self.origin).as_millis();
        u64::try_from(since).unwrap_or(u64::MAX)
    }
}

impl Default for LogTime {
    fn default() -> Self {
        Self::new()
    }
}

impl LineLimit {
    /// Counts a line that comes at `now`.
    pub fn take(&self, time: LogTime, now: Instant) -> Verdict {
        let now = time.millis(now);
        let mut state = self.state.load(Ordering::Relaxed);
        while is_over(state, now) {
            let begun = (now << COUNT_BITS) | 1;
            match self.state.compare_exchange(state, begun, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return Verdict { is_written: true, left_out: left_out(state) },
                Err(changed) => state = changed,
            }
        }
        let before = self.state.fetch_add(1, Ordering::Relaxed);
        Verdict { is_written: before & COUNT < u64::from(LINES_A_SECOND), left_out: 0 }
    }

    /// Ends a second that is over at `now`, or any; gives how many of its lines were left out. To be called
    /// once a second, and at the end with `all`.
    pub fn close(&self, time: LogTime, now: Instant, all: bool) -> u32 {
        let state = self.state.load(Ordering::Relaxed);
        if !(all || is_over(state, time.millis(now))) {
            return 0;
        }
        let closed = self.state.compare_exchange(state, 0, Ordering::Relaxed, Ordering::Relaxed);
        // The line that changed it began the next second, or takes part in this one.
        closed.map_or(0, left_out)
    }
}

/// Whether the second is over that a limit's state counts in.
const fn is_over(state: u64, now: u64) -> bool {
    now.saturating_sub(state >> COUNT_BITS) >= SECOND_MILLIS
}

/// How many lines of a limit's state were not written.
fn left_out(state: u64) -> u32 {
    let count = u32::try_from(state & COUNT).unwrap_or(u32::MAX);
    count.saturating_sub(LINES_A_SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_millis(SECOND_MILLIS);

    #[test]
    fn a_storm_has_ten_lines_a_second_and_then_a_count() {
        let (limit, time, start) = (LineLimit::default(), LogTime::new(), Instant::now());
        let written = (0..25).filter(|_| limit.take(time, start).is_written).count();
        assert_eq!(written, 10);
        // The first of the next second brings the count of the last.
        let next = Verdict { is_written: true, left_out: 15 };
        assert_eq!(limit.take(time, start + SECOND), next);
        assert_eq!(limit.take(time, start + SECOND), Verdict { left_out: 0, ..next });
    }

    #[test]
    fn the_count_comes_by_itself_where_no_line_does() {
        let (limit, time, start) = (LineLimit::default(), LogTime::new(), Instant::now());
        for _ in 0..25 {
            limit.take(time, start);
        }
        assert_eq!(limit.close(time, start, false), 0, "the second is not over");
        assert_eq!(limit.close(time, start + SECOND, false), 15);
        assert_eq!(limit.close(time, start + SECOND, true), 0);
        let anew = Verdict { is_written: true, left_out: 0 };
        assert_eq!(limit.take(time, start + SECOND), anew, "a closed second begins anew");
    }
}
