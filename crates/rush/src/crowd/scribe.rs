//! Writing the history: the run's clock, the numbers of its operations, and the batches of lines
//! that go to the judge.

use std::cell::{Cell, RefCell};
use std::mem;
use std::sync::mpsc::SyncSender;
use std::time::Instant;

use crate::history::{Line, Micros};

/// Lines in a batch.
const BATCH_LINES: usize = 256;
/// Batches in the queue before the crowd has to wait for the judge.
pub(crate) const BATCHES_MAX: usize = 1024;

/// The run's clock and numbering, and the batch that is being filled.
#[derive(Debug)]
pub(crate) struct Scribe {
    began: Instant,
    last_op: Cell<u64>,
    batch: RefCell<Vec<Line>>,
    to: SyncSender<Vec<Line>>,
}

impl Scribe {
    /// Begins the run: its clock starts now.
    pub(crate) fn new(to: SyncSender<Vec<Line>>) -> Self {
        let batch = RefCell::new(Vec::with_capacity(BATCH_LINES));
        Self { began: Instant::now(), last_op: Cell::new(0), batch, to }
    }

    /// A moment on the run's clock.
    pub(crate) fn at(&self, moment: Instant) -> Micros {
        let since = moment.saturating_duration_since(self.began);
        Micros::try_from(since.as_micros()).unwrap_or(Micros::MAX)
    }

    /// Now, on the run's clock.
    pub(crate) fn now(&self) -> Micros {
        self.at(Instant::now())
    }

    /// A number for an operation.
    pub(crate) fn next_op(&self) -> u64 {
        self.last_op.set(self.last_op.get() + 1);
        self.last_op.get()
    }

    /// Writes a line.
    pub(crate) fn write(&self, line: Line) {
        let mut batch = self.batch.borrow_mut();
        batch.push(line);
        if batch.len() == BATCH_LINES {
            let full = mem::replace(&mut *batch, Vec::with_capacity(BATCH_LINES));
            // A judge that stopped returned an error, which the run reports at its end.
            let _ = self.to.send(full);
        }
    }

    /// Sends the batch that is being filled.
    pub(crate) fn flush(&self) {
        let _ = self.to.send(self.batch.take());
    }
}
