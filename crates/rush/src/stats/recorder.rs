//! Records answers as they come, and reads them as figures.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hdrhistogram::Histogram;

use super::counts::{Counts, Outcome};
use super::series::{Series, Timeline};
use super::totals::{ActionRow, Latency, Row, Stats, divisor, rounded};
use crate::history::{Action, Micros};

/// Every action, in the order of the rows.
const ACTIONS: [Action; 7] = [
    Action::Reserve,
    Action::Confirm,
    Action::Cancel,
    Action::Extend,
    Action::Seats,
    Action::Reservation,
    Action::Sales,
];

/// The longest latency that a recorder distinguishes from longer ones: an hour.
const LONGEST_US: u64 = 3_600_000_000;

/// Three digits of a latency are kept.
const DIGITS: u8 = 3;

/// The answers of a run so far. Recording touches a few counters and allocates once a second.
#[derive(Clone, Debug)]
pub struct Recorder {
    tallies: [Option<Box<Tally>>; ACTIONS.len()],
    timeline: Timeline,
    seats: u64,
    sold: u64,
}

/// The answers to one kind of request.
#[derive(Clone, Debug)]
struct Tally {
    counts: Counts,
    latency: Histogram<u64>,
    max_us: u64,
}

impl Recorder {
    /// An empty one for a run that is meant to last `seconds`. A longer one is recorded too, in
    /// coarser steps.
    pub fn new(seconds: u64) -> Self {
        Self {
            tallies: [const { None }; ACTIONS.len()],
            timeline: Timeline::new(seconds),
            seats: 0,
            sold: 0,
        }
    }

    /// Notes an operation that ended at `at`, `latency` after it was meant to begin.
    pub fn record(&mut self, action: Action, outcome: Outcome, at: Micros, latency: Micros) {
        let tally = self.tallies[action as usize].get_or_insert_with(Box::default);
        tally.counts.add(outcome);
        tally.latency.saturating_record(latency);
        tally.max_us = tally.max_us.max(latency);
        self.timeline.record(outcome, at, latency);
    }

    /// From `at` on, `seats` more seats are on sale, none of them held or sold.
    pub fn opened_at(&mut self, at: Micros, seats: u32) {
        self.timeline.opened(at, i64::from(seats));
        self.seats += u64::from(seats);
    }

    /// A hold of `seats` seats was granted, and lapses by itself at `until`.
    pub fn held(&mut self, at: Micros, until: Micros, seats: u32) {
        self.timeline.held(at, i64::from(seats));
        self.timeline.lapses(until, i64::from(seats));
    }

    /// A hold was extended: it lapses `later` in place of `until`.
    pub fn extended(&mut self, until: Micros, later: Micros, seats: u32) {
        self.timeline.lapses(until, -i64::from(seats));
        self.timeline.lapses(later, i64::from(seats));
    }

    /// A hold that would have lasted until `until` was cancelled.
    pub fn released(&mut self, at: Micros, until: Micros, seats: u32) {
        self.timeline.held(at, -i64::from(seats));
        self.timeline.lapses(until, -i64::from(seats));
    }

    /// A hold that would have lasted until `until` was paid.
    pub fn sold(&mut self, at: Micros, until: Micros, seats: u32) {
        self.released(at, until, seats);
        self.timeline.sold(at, i64::from(seats));
        self.sold += u64::from(seats);
    }

    /// The figures of a run that lasted `seconds`.
    pub fn stats(&self, seconds: f64) -> Stats {
        let mut all = Tally::default();
        let mut actions = Vec::new();
        for (action, tally) in ACTIONS.into_iter().zip(&self.tallies) {
            let Some(tally) = tally else { continue };
            all.merge(tally);
            actions.push(ActionRow { action, row: tally.row(seconds) });
        }
        Stats { all: all.row(seconds), actions }
    }

    /// The figures so far, `now` microseconds into the run.
    #[expect(clippy::cast_precision_loss, reason = "a rate is for people")]
    pub fn glance(&self, now: Micros) -> Glance {
        let mut total = Counts::default();
        for tally in self.tallies.iter().flatten() {
            total.merge(&tally.counts);
        }
        let (answers, p99_us) = self.timeline.last_whole(now);
        let per_second = answers as f64 / self.timeline.width() as f64;
        Glance { total, sold: self.sold, seats: self.seats, per_second, p99_us }
    }

    /// The run over time, through its last second and the last answer.
    pub fn series(&self, seconds: f64) -> Series {
        self.timeline.series(seconds)
    }
}

impl Default for Tally {
    fn default() -> Self {
        let latency = Histogram::new_with_bounds(1, LONGEST_US, DIGITS)
            .expect("a histogram takes these constants");
        Self { counts: Counts::default(), latency, max_us: 0 }
    }
}

impl Tally {
    fn merge(&mut self, other: &Self) {
        self.counts.merge(&other.counts);
        self.latency.add(&other.latency).expect("all tallies have the same bounds");
        self.max_us = self.max_us.max(other.max_us);
    }

    #[expect(clippy::cast_precision_loss, reason = "a rate is for people")]
    fn row(&self, seconds: f64) -> Row {
        Row {
            counts: self.counts,
            per_second: rounded(self.counts.all() as f64 / divisor(seconds)),
            latency: Latency::of(&self.latency, self.max_us),
        }
    }
}

/// A recorder that its thread writes to and the progress display reads now and then. The lock is
/// nearly always free.
#[derive(Clone, Debug)]
pub struct Shared(Arc<Mutex<Recorder>>);

impl Shared {
    /// An empty one; see [`Recorder::new`].
    pub fn new(seconds: u64) -> Self {
        Self(Arc::new(Mutex::new(Recorder::new(seconds))))
    }

    /// The recorder itself. The records of a thread that panicked are still valid.
    pub fn lock(&self) -> MutexGuard<'_, Recorder> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The figures of the progress display: all answers so far, and the rate of the last whole second.
#[derive(Clone, Debug)]
pub struct Glance {
    /// All answers so far.
    pub total: Counts,
    /// Seats sold so far.
    pub sold: u64,
    /// Seats on sale.
    pub seats: u64,
    /// Answers a second, in the last whole slot.
    pub per_second: f64,
    /// The time within which 99 in 100 of those came, in microseconds; `None` without any.
    pub p99_us: Option<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Micros = 1_000_000;

    #[test]
    fn rows_stand_in_the_order_of_the_actions() {
        for (place, action) in ACTIONS.into_iter().enumerate() {
            assert_eq!(action as usize, place);
        }
    }

    #[test]
    fn percentiles_of_known_latencies_are_exact() {
        let mut recorder = Recorder::new(10);
        for latency in 1..=1_000 {
            recorder.record(Action::Reserve, Outcome::Ok, 0, latency);
        }
        let stats = recorder.stats(10.0);
        let expected =
            Latency { p50_us: 500, p90_us: 900, p99_us: 990, p999_us: 999, max_us: 1_000 };
        assert_eq!(stats.actions[0].row.latency, expected);
        assert_eq!(stats.all.latency, expected);
        assert!((stats.all.per_second - 100.0).abs() < 1e-9);
    }

    #[test]
    fn no_percentile_is_above_the_longest() {
        let mut recorder = Recorder::new(1);
        recorder.record(Action::Seats, Outcome::Unknown, 0, 10_000_001);
        let latency = recorder.stats(1.0).all.latency;
        assert_eq!((latency.p50_us, latency.max_us), (10_000_001, 10_000_001));
        recorder.record(Action::Seats, Outcome::Unknown, 0, 2 * LONGEST_US);
        assert_eq!(recorder.stats(1.0).all.latency.max_us, 2 * LONGEST_US);
    }

    #[test]
    fn all_is_what_its_actions_add_up_to() {
        let mut recorder = Recorder::new(5);
        let outcomes = [Outcome::Ok, Outcome::Refused, Outcome::Unknown, Outcome::Fault];
        for n in 0..300_u32 {
            let action = ACTIONS[n as usize % ACTIONS.len()];
            let outcome = outcomes[n as usize % 4];
            let (at, latency) = (u64::from(n) * SECOND / 60, u64::from(n) * 7);
            recorder.record(action, outcome, at, latency);
        }
        let stats = recorder.stats(5.0);
        assert_eq!(stats.actions.len(), ACTIONS.len());
        let sum = |count: fn(&Counts) -> u64| -> u64 {
            stats.actions.iter().map(|of| count(&of.row.counts)).sum()
        };
        let all = stats.all.counts;
        assert_eq!((all.all(), all.fault), (300, 75));
        assert_eq!((sum(Counts::all), sum(|counts| counts.fault)), (300, 75));
        assert_eq!(stats.all.latency.max_us, 299 * 7);
        let series = recorder.series(5.0);
        assert_eq!(series.points.iter().map(|point| point.counts.all()).sum::<u64>(), 300);
    }

    #[test]
    fn a_glance_sees_the_last_whole_second() {
        let mut recorder = Recorder::new(10);
        recorder.record(Action::Reserve, Outcome::Ok, SECOND / 2, 9_000);
        recorder.record(Action::Reserve, Outcome::Ok, SECOND * 3 / 2, 16);
        recorder.record(Action::Reserve, Outcome::Refused, SECOND * 3 / 2, 16);
        recorder.record(Action::Confirm, Outcome::Ok, SECOND * 5 / 2, 9_000);
        recorder.opened_at(0, 8);
        recorder.held(0, SECOND * 9, 2);
        recorder.sold(SECOND, SECOND * 9, 2);
        let glance = recorder.glance(SECOND * 5 / 2);
        assert_eq!(glance.total, Counts { ok: 3, refused: 1, ..Counts::default() });
        assert_eq!((glance.sold, glance.seats, glance.p99_us), (2, 8, Some(16)));
        assert!((glance.per_second - 2.0).abs() < 1e-9);
    }

    #[test]
    fn an_empty_run_has_empty_figures() {
        let recorder = Recorder::new(0);
        assert_eq!(recorder.stats(0.0), Stats::default());
        assert!(recorder.series(0.0).points.is_empty());
    }
}
