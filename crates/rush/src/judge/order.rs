//! Puts the lines of a history into the order of their times.
//!
//! A history is written by one process as things happen, so it is nearly in order: a task may be
//! overtaken between looking at the clock and writing its line. A window of lines is held back and
//! released by time, so that all that happened before a line is known when it is judged.

use std::{cmp::Reverse, collections::BinaryHeap};

use crate::history::{Line, Micros};

/// How many lines are held back: more than can overtake one line in a program that works, little
/// enough to cost only some tens of megabytes.
const WINDOW: usize = 65_536;

/// The window of lines that are held back.
#[derive(Debug, Default)]
pub(super) struct Order {
    /// Time, number of the line, place in `lines`.
    waiting: BinaryHeap<Reverse<(Micros, u64, usize)>>,
    lines: Vec<Option<Line>>,
    free: Vec<usize>,
    number: u64,
    given: Micros,
}

impl Order {
    /// Takes a line in, and returns the earliest when the window is full.
    pub(super) fn push(&mut self, line: Line) -> anyhow::Result<Option<Line>> {
        let at = line.at().unwrap_or(self.given);
        anyhow::ensure!(
            at >= self.given,
            "a line of {at} µs stands more than {WINDOW} lines late in the history: \
             it cannot be judged in one pass"
        );
        self.number += 1;
        let place = self.free.pop().unwrap_or_else(|| {
            self.lines.push(None);
            self.lines.len() - 1
        });
        self.lines[place] = Some(line);
        self.waiting.push(Reverse((at, self.number, place)));
        Ok(if self.waiting.len() > WINDOW { self.pop() } else { None })
    }

    /// Returns the earliest line.
    pub(super) fn pop(&mut self) -> Option<Line> {
        let Reverse((at, _, place)) = self.waiting.pop()?;
        self.given = at;
        self.free.push(place);
        self.lines[place].take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::Completion;

    fn line(at: Micros) -> Line {
        Line::Ok(Completion { at, ..Completion::default() })
    }

    #[test]
    fn lines_come_out_by_their_time() {
        let mut order = Order::default();
        for at in [3, 1, 2] {
            assert_eq!(order.push(line(at)).unwrap(), None);
        }
        let times: Vec<_> = std::iter::from_fn(|| order.pop()).filter_map(|l| l.at()).collect();
        assert_eq!(times, [1, 2, 3]);
    }

    #[test]
    fn a_line_later_than_the_window_is_an_error() {
        let mut order = Order::default();
        for at in 1..=WINDOW as u64 + 1 {
            order.push(line(at)).unwrap();
        }
        assert!(order.push(line(0)).is_err());
    }
}
