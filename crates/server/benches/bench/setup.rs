//! Settings of every case: the program, how often and how long to measure, and where.

use std::path::PathBuf;
use std::time::Duration;

use crate::machine::Folder;

/// How long to wait before looking again at what is not measured.
pub(crate) const PAUSE: Duration = Duration::from_millis(10);

/// The settings of a run.
pub(crate) struct Setup {
    /// The program to measure.
    pub(crate) program: PathBuf,
    /// Further flags for `poltrona serve`.
    pub(crate) with: Vec<String>,
    /// How often each thing is measured.
    pub(crate) runs: u32,
    /// How long each measurement lasts.
    pub(crate) window: Duration,
    /// Whether to measure the least that tells whether an aim is reached, and to fail if it is not.
    pub(crate) check: bool,
    /// Whether to count fsyncs from outside too.
    pub(crate) strace: bool,
    /// Where all data are.
    pub(crate) folder: Folder,
}

impl Setup {
    /// How long to drive a server before measuring.
    pub(crate) fn warm_up(&self) -> Duration {
        self.window / 2
    }
}
