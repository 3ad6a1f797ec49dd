//! Settings of every case: the programs and servers to measure, how often and how long, and where.

use std::path::PathBuf;
use std::time::Duration;

use crate::machine::Folder;
use crate::remote::Remote;
use crate::report::OURS;

/// How long to wait before looking again at what is not measured.
pub(crate) const PAUSE: Duration = Duration::from_millis(10);
/// The other program's name in tables.
const BESIDE: &str = "beside";
/// The ceiling's.
pub(crate) const CEILING: &str = "ceiling";
/// The fastest that a server may be, in reservations a second: so many seats are prepared.
const FASTEST: f64 = 160_000.0;

/// The settings of a run.
pub(crate) struct Setup {
    /// The program to measure.
    pub(crate) program: PathBuf,
    /// Another program, measured by turns with it.
    pub(crate) beside: Option<PathBuf>,
    /// Running servers, measured by turns with it.
    pub(crate) remotes: Vec<Remote>,
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

/// One side of a comparison.
#[derive(Clone, Debug)]
pub(crate) struct Side {
    /// Its name in tables.
    pub(crate) name: String,
    /// The program; `None` is the ceiling.
    pub(crate) program: Option<PathBuf>,
    /// Flags of this side alone.
    pub(crate) flags: Vec<String>,
}

impl Setup {
    /// How long to drive a server before measuring.
    pub(crate) fn warm_up(&self) -> Duration {
        self.window / 2
    }

    /// How many seats the fastest server could use up in one run.
    pub(crate) fn most_seats(&self) -> usize {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
        let seats = ((self.warm_up() + self.window).as_secs_f64() * FASTEST) as usize;
        seats
    }

    /// The programs: ours, and the other one if there is one.
    pub(crate) fn programs(&self) -> Vec<Side> {
        let beside = self.beside.iter().map(|program| Side::of(BESIDE, program));
        std::iter::once(Side::of(OURS, &self.program)).chain(beside).collect()
    }

    /// The programs, and the ceiling.
    pub(crate) fn programs_and_ceiling(&self) -> Vec<Side> {
        let ceiling = Side { name: CEILING.to_owned(), program: None, flags: Vec::new() };
        self.programs().into_iter().chain([ceiling]).collect()
    }

    /// The programs, and ours with a flag more, under this name.
    pub(crate) fn programs_and(&self, name: &str, flag: &str) -> Vec<Side> {
        let flagged = Side { flags: vec![flag.to_owned()], ..Side::of(name, &self.program) };
        self.programs().into_iter().chain([flagged]).collect()
    }
}

impl Side {
    fn of(name: &str, program: &std::path::Path) -> Self {
        Self { name: name.to_owned(), program: Some(program.to_owned()), flags: Vec::new() }
    }
}
