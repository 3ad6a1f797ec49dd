//! How far long work has come: one line that is rewritten on a terminal, a few lines elsewhere.

use std::io::{self, IsTerminal as _, Stderr, Write};

const BAR: u32 = 30;

/// How many lines are written where no line can be rewritten.
const STEPS: u32 = 10;

/// The progress of a known number of things.
pub(super) struct Progress<W: Write> {
    out: W,
    things: &'static str,
    total: u32,
    terminal: bool,
    /// The step that was last shown; a step is what one character of bar, or one line, stands for.
    step: u32,
    /// Whether the cursor stands behind a line that is not ended.
    open: bool,
}

pub(super) fn on_stderr(things: &'static str, total: u32) -> Progress<Stderr> {
    Progress::new(io::stderr(), things, total, io::stderr().is_terminal())
}

impl<W: Write> Progress<W> {
    fn new(out: W, things: &'static str, total: u32, terminal: bool) -> Self {
        Self { out, things, total, terminal, step: 0, open: false }
    }

    /// Shows that `done` things are done, if that is worth a new look.
    pub(super) fn update(&mut self, done: u32) {
        let steps = if self.terminal { BAR } else { STEPS };
        let step = share(done, self.total, steps);
        if step == self.step && done != self.total {
            return;
        }
        self.step = step;
        // Work goes on whether or not anybody can be told.
        let _ = if self.terminal { self.draw(done, step) } else { self.tell(done) };
        if done == self.total {
            self.end_line();
        }
    }

    fn draw(&mut self, done: u32, step: u32) -> io::Result<()> {
        let full = "#".repeat(step as usize);
        let empty = ".".repeat((BAR - step) as usize);
        self.open = true;
        write!(self.out, "\r{} [{full}{empty}] {done} of {}", self.things, self.total)?;
        self.out.flush()
    }

    fn tell(&mut self, done: u32) -> io::Result<()> {
        writeln!(self.out, "{}: {done} of {}", self.things, self.total)
    }

    fn end_line(&mut self) {
        if std::mem::take(&mut self.open) {
            let _ = writeln!(self.out);
        }
    }
}

/// An error that comes next must not continue the bar's line.
impl<W: Write> Drop for Progress<W> {
    fn drop(&mut self) {
        self.end_line();
    }
}

fn share(done: u32, total: u32, steps: u32) -> u32 {
    let done = u64::from(done.min(total));
    let share = (done * u64::from(steps)).checked_div(u64::from(total));
    share.and_then(|share| u32::try_from(share).ok()).unwrap_or(steps)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(terminal: bool, total: u32, last: u32) -> String {
        let mut out = Vec::new();
        let mut progress = Progress::new(&mut out, "sessions", total, terminal);
        (1..=last).for_each(|done| progress.update(done));
        drop(progress);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_terminal_has_one_line_that_ends() {
        let text = shown(true, 1000, 1000);
        assert_eq!(text.matches('\n').count(), 1);
        assert!(text.ends_with(&format!("\rsessions [{}] 1000 of 1000\n", "#".repeat(30))));
        assert!(text.matches('\r').count() <= 31, "redrawn too often");
    }

    #[test]
    fn elsewhere_there_are_at_most_ten_lines() {
        let text = shown(false, 1000, 1000);
        assert_eq!(text.lines().count(), 10);
        assert_eq!(text.lines().next(), Some("sessions: 100 of 1000"));
        assert!(text.ends_with("sessions: 1000 of 1000\n") && !text.contains('\r'));
        assert_eq!(shown(false, 2, 2), "sessions: 1 of 2\nsessions: 2 of 2\n");
    }

    #[test]
    fn work_that_stops_half_way_leaves_a_clean_line() {
        assert!(shown(true, 10, 5).ends_with("5 of 10\n"));
    }
}
