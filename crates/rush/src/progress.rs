//! The progress of a run on stderr: one line that is rewritten on a terminal, a plain line every
//! few seconds elsewhere.
//!
//! A thread of its own reads the [recorder](crate::stats::Shared) and writes, so that a terminal
//! that blocks does not stop the crowd; it ends, and its live line is cleared, when the
//! [`Progress`] is finished or dropped.

use std::io::{self, Write as _};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::report::figures::{compact, latency, rate, thousands};
use crate::stats::{Glance, Shared};

/// How often the live line is written anew.
const LIVE_EVERY: Duration = Duration::from_millis(500);

/// How often a plain line is written.
const PLAIN_EVERY: Duration = Duration::from_secs(5);

/// The live line: a bar of the seconds that have passed, and the figures.
const LIVE_LINE: &str = "{prefix} {bar:16} {wide_msg}";

/// The run that is shown.
#[derive(Clone, Debug)]
pub struct Subject {
    /// The scenario's name.
    pub name: String,
    /// The moment that the recorder counts from.
    pub began: Instant,
    /// How many seconds the run is meant to last.
    pub seconds: u64,
    /// The recorder of its answers.
    pub recorder: Shared,
}

/// The thread that shows progress.
#[derive(Debug)]
pub struct Progress {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Progress {
    /// Shows progress on stderr, in the form for a terminal or a file; a `quiet` run shows none.
    pub fn start(quiet: bool, subject: Subject) -> Self {
        if quiet {
            return Self { stop: None, thread: None };
        }
        let (stop, stopped) = mpsc::channel();
        let show = move || {
            let bar = bar(&subject, ProgressDrawTarget::stderr());
            if bar.is_hidden() {
                write_lines(&subject, &stopped);
            } else {
                draw(&bar, &subject, &stopped);
            }
        };
        // If the thread cannot be started, the run goes on without progress.
        let thread = thread::Builder::new().name("progress".to_owned()).spawn(show).ok();
        Self { stop: Some(stop), thread }
    }

    /// Clears the live line, and returns when nothing more will be written.
    pub fn finish(self) {
        drop(self);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        // The thread wakes up because its channel is closed.
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn bar(subject: &Subject, target: ProgressDrawTarget) -> ProgressBar {
    let style = ProgressStyle::with_template(LIVE_LINE)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("━╌");
    ProgressBar::with_draw_target(Some(subject.seconds), target)
        .with_style(style)
        .with_prefix(subject.name.clone())
}

/// Draws the live line until the other end of the channel is dropped, and clears it.
fn draw(bar: &ProgressBar, subject: &Subject, stopped: &Receiver<()>) {
    while stopped.recv_timeout(LIVE_EVERY) == Err(RecvTimeoutError::Timeout) {
        let (elapsed, glance) = look(subject);
        update(bar, subject, elapsed, &glance);
    }
    bar.finish_and_clear();
}

fn update(bar: &ProgressBar, subject: &Subject, elapsed: Duration, glance: &Glance) {
    bar.set_message(live(subject, elapsed, glance));
    bar.set_position(elapsed.as_secs());
}

/// Writes lines until the other end of the channel is dropped; errors of a closed stderr are
/// ignored.
fn write_lines(subject: &Subject, stopped: &Receiver<()>) {
    while stopped.recv_timeout(PLAIN_EVERY) == Err(RecvTimeoutError::Timeout) {
        let (elapsed, glance) = look(subject);
        let _ = writeln!(io::stderr(), "{}", plain(subject, elapsed, &glance));
    }
}

/// The figures as they are now, and the time since the run began.
fn look(subject: &Subject) -> (Duration, Glance) {
    let elapsed = subject.began.elapsed();
    let now = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX);
    (elapsed, subject.recorder.lock().glance(now))
}

fn live(subject: &Subject, elapsed: Duration, glance: &Glance) -> String {
    let counts = &glance.total;
    format!(
        "{}/{} s  {}/s  p99 {}  {} ok {} refused {} unknown {} failed{}",
        elapsed.as_secs(),
        subject.seconds,
        rate(glance.per_second),
        glance.p99_us.map_or_else(|| "–".to_owned(), latency),
        compact(counts.ok),
        compact(counts.refused),
        compact(counts.unknown),
        compact(counts.fault),
        sold(glance, "  ", compact),
    )
}

fn plain(subject: &Subject, elapsed: Duration, glance: &Glance) -> String {
    let counts = &glance.total;
    format!(
        "{} {}/{} s: {} requests/s, p99 {}; {} ok, {} refused, {} unknown, {} failed{}",
        subject.name,
        elapsed.as_secs(),
        subject.seconds,
        rate(glance.per_second),
        glance.p99_us.map_or_else(|| "–".to_owned(), latency),
        thousands(counts.ok),
        thousands(counts.refused),
        thousands(counts.unknown),
        thousands(counts.fault),
        sold(glance, ", ", thousands),
    )
}

fn sold(glance: &Glance, gap: &str, number: impl Fn(u64) -> String) -> String {
    match glance.seats {
        0 => String::new(),
        seats => format!("{gap}{}/{} seats sold", number(glance.sold), number(seats)),
    }
}

#[cfg(test)]
mod tests {
    use indicatif::InMemoryTerm;

    use super::*;
    use crate::stats::Counts;

    fn subject(seconds: u64) -> Subject {
        Subject {
            name: "duel".to_owned(),
            began: Instant::now(),
            seconds,
            recorder: Shared::new(seconds),
        }
    }

    fn glance() -> Glance {
        Glance {
            total: Counts { ok: 12_345, refused: 2_000_000, unknown: 3, fault: 0 },
            sold: 34,
            seats: 48,
            per_second: 21_034.0,
            p99_us: Some(8_134),
        }
    }

    /// The line on a terminal of so many columns after `elapsed`, and what is there at the end.
    fn drawn(seconds: u64, elapsed: Duration, glance: &Glance, columns: u16) -> (String, String) {
        let (subject, screen) = (subject(seconds), InMemoryTerm::new(3, columns));
        let target = ProgressDrawTarget::term_like(Box::new(screen.clone()));
        let bar = bar(&subject, target);
        update(&bar, &subject, elapsed, glance);
        bar.force_draw();
        let line = screen.contents();
        let (stop, stopped) = mpsc::channel();
        drop(stop);
        draw(&bar, &subject, &stopped);
        (line, screen.contents())
    }

    #[test]
    fn the_live_line_says_all_in_short_and_is_gone_at_the_end() {
        let (line, end) = drawn(32, Duration::from_millis(12_300), &glance(), 120);
        assert_eq!(
            line,
            "duel ━━━━━━╌╌╌╌╌╌╌╌╌╌ 12/32 s  21,034/s  p99 8.13 ms  \
             12.3k ok 2.00M refused 3 unknown 0 failed  34/48 seats sold"
        );
        assert_eq!(end, "");
    }

    #[test]
    fn a_narrow_terminal_cuts_the_live_line() {
        let (line, end) = drawn(32, Duration::from_millis(12_300), &glance(), 40);
        assert_eq!(line.lines().count(), 1, "{line}");
        assert!(line.starts_with("duel ━━━━━━╌╌╌╌╌╌╌╌╌╌ 12/32 s"), "{line}");
        assert_eq!(end, "");
    }

    #[test]
    fn the_bar_stays_full_while_the_last_answers_come_in() {
        let late = Duration::from_secs(40);
        let (line, _) = drawn(32, late, &Glance { seats: 0, ..glance() }, 120);
        assert!(line.starts_with("duel ━━━━━━━━━━━━━━━━ 40/32 s"), "{line}");
        assert!(line.ends_with("0 failed"), "{line}");
    }

    #[test]
    fn a_plain_line_says_it_in_full() {
        assert_eq!(
            plain(&subject(30), Duration::from_secs(5), &Glance { p99_us: None, ..glance() }),
            "duel 5/30 s: 21,034 requests/s, p99 –; \
             12,345 ok, 2,000,000 refused, 3 unknown, 0 failed, 34/48 seats sold"
        );
    }

    #[test]
    fn a_quiet_run_shows_nothing() {
        assert!(Progress::start(true, subject(30)).thread.is_none());
    }
}
