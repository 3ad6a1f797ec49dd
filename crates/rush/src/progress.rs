//! The progress of a run on stderr: one line that is rewritten on a terminal, a plain line every few
//! seconds elsewhere.
//!
//! A thread of its own reads the [recorder](crate::stats::Shared) and writes, so that a terminal that
//! blocks does not stop the crowd; it ends, and its live line is cleared, when the [`Progress`] is
//! finished or dropped.

use std::io::{self, IsTerminal, Write};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::report::figures::{compact, latency, rate, thousands};
use crate::stats::{Glance, Shared};

/// How often the live line is written anew.
const LIVE_EVERY: Duration = Duration::from_millis(500);

/// How often a plain line is written.
const PLAIN_EVERY: Duration = Duration::from_secs(5);

/// How many cells the bar has.
const BAR: u64 = 16;

/// How progress is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Show {
    /// One line that is written anew.
    Live,
    /// A line every few seconds.
    Plain,
    /// Nothing.
    Quiet,
}

impl Show {
    /// The way that suits this process's stderr.
    pub fn here(quiet: bool) -> Self {
        match (quiet, io::stderr().is_terminal()) {
            (true, _) => Self::Quiet,
            (false, true) => Self::Live,
            (false, false) => Self::Plain,
        }
    }
}

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
    /// Begins to show progress on stderr.
    pub fn start(show: Show, subject: Subject) -> Self {
        Self::start_on(io::stderr(), show, subject)
    }

    fn start_on(to: impl Write + Send + 'static, show: Show, subject: Subject) -> Self {
        let (stop, stopped) = mpsc::channel();
        let thread = match show {
            Show::Quiet => None,
            // Without a thread there is no progress to see, and the run goes on all the same.
            Show::Live | Show::Plain => thread::Builder::new()
                .name("progress".to_owned())
                .spawn(move || watch(to, show, &subject, &stopped))
                .ok(),
        };
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

/// Writes until the other end of the channel is dropped; errors of a closed stderr are ignored.
fn watch(mut to: impl Write, show: Show, subject: &Subject, stopped: &Receiver<()>) {
    let every = if show == Show::Live { LIVE_EVERY } else { PLAIN_EVERY };
    while stopped.recv_timeout(every) == Err(RecvTimeoutError::Timeout) {
        let elapsed = subject.began.elapsed();
        let now = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX);
        let glance = subject.recorder.lock().glance(now);
        let _ = match show {
            // Wrapping is off while the line is written: on a narrow terminal it is cut instead.
            Show::Live => write!(to, "\r\x1b[?7l{}\x1b[K\x1b[?7h", live(subject, elapsed, &glance)),
            _ => writeln!(to, "{}", plain(subject, elapsed, &glance)),
        };
        let _ = to.flush();
    }
    if show == Show::Live {
        let _ = write!(to, "\r\x1b[K");
        let _ = to.flush();
    }
}

fn live(subject: &Subject, elapsed: Duration, glance: &Glance) -> String {
    let done = (elapsed.as_secs() * BAR / subject.seconds.max(1)).min(BAR);
    let bar: String = (0..BAR).map(|cell| if cell < done { '━' } else { '╌' }).collect();
    let counts = &glance.total;
    format!(
        "{} {bar} {}/{} s  {}/s  p99 {}  {} ok {} refused {} unknown {} failed{}",
        subject.name,
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
    use std::sync::{Arc, Mutex};

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

    #[test]
    fn the_live_line_tells_all_in_short() {
        assert_eq!(
            live(&subject(32), Duration::from_millis(12_300), &glance()),
            "duel ━━━━━━╌╌╌╌╌╌╌╌╌╌ 12/32 s  21,034/s  p99 8.13 ms  \
             12.3k ok 2.00M refused 3 unknown 0 failed  34/48 seats sold"
        );
    }

    #[test]
    fn the_bar_stays_full_while_the_last_answers_come_in() {
        let line = live(&subject(0), Duration::from_secs(40), &Glance { seats: 0, ..glance() });
        assert!(line.starts_with("duel ━━━━━━━━━━━━━━━━ 40/0 s"), "{line}");
        assert!(line.ends_with("0 failed"), "{line}");
    }

    #[test]
    fn a_plain_line_tells_it_in_full() {
        assert_eq!(
            plain(&subject(30), Duration::from_secs(5), &Glance { p99_us: None, ..glance() }),
            "duel 5/30 s: 21,034 requests/s, p99 –; \
             12,345 ok, 2,000,000 refused, 3 unknown, 0 failed, 34/48 seats sold"
        );
    }

    #[derive(Clone, Default)]
    struct Screen(Arc<Mutex<Vec<u8>>>);

    impl Write for Screen {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn shown(show: Show) -> String {
        let screen = Screen::default();
        Progress::start_on(screen.clone(), show, subject(30)).finish();
        String::from_utf8(screen.0.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn the_live_line_is_gone_at_the_end_and_quiet_says_nothing() {
        assert_eq!(shown(Show::Live), "\r\x1b[K");
        assert_eq!(shown(Show::Plain), "");
        assert_eq!(shown(Show::Quiet), "");
    }
}
