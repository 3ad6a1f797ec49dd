//! Progress of long work, on stderr: a bar on a terminal, a few plain lines elsewhere.

use std::io::{self, Write as _};

use indicatif::{ProgressBar, ProgressFinish, ProgressStyle};

/// How many lines are written at most where stderr is no terminal.
const LINES_MAX: u64 = 10;

/// The progress of a known number of things. On a terminal, its line ends when it is dropped.
pub(super) struct Progress {
    things: &'static str,
    bar: ProgressBar,
}

impl Progress {
    pub(super) fn of(things: &'static str, total: u32) -> Self {
        let style = ProgressStyle::with_template("{msg} [{bar:30}] {pos} of {len}")
            .unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = ProgressBar::new(total.into())
            .with_style(style.progress_chars("#."))
            .with_message(things)
            .with_finish(ProgressFinish::Abandon);
        Self { things, bar }
    }

    /// Counts one more thing as done.
    pub(super) fn step(&self) {
        self.bar.inc(1);
        let (done, total) = (self.bar.position(), self.bar.length().unwrap_or_default());
        if self.bar.is_hidden() && is_line_due(done, total) {
            // The work goes on whether or not its progress can be shown.
            let _ = writeln!(io::stderr(), "{}: {done} of {total}", self.things);
        }
    }
}

/// Whether the `done`th of `total` things completes another tenth of them.
fn is_line_due(done: u64, total: u64) -> bool {
    let tenths = |done: u64| done * LINES_MAX / total.max(1);
    tenths(done) > tenths(done.saturating_sub(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(total: u64) -> Vec<u64> {
        (1..=total).filter(|done| is_line_due(*done, total)).collect()
    }

    #[test]
    fn elsewhere_there_are_at_most_ten_lines() {
        assert_eq!(lines(1000), [100, 200, 300, 400, 500, 600, 700, 800, 900, 1000]);
        assert_eq!(lines(13).len(), 10);
        assert_eq!(lines(13).last(), Some(&13));
        assert_eq!(lines(2), [1, 2]);
    }
}
