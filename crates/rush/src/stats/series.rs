//! A run over time, in slots of one second or more.
//!
//! There are never more than [`SLOTS`] slots: where a run needs more, each becomes twice as wide.

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use super::counts::{Counts, Outcome};
use crate::history::Micros;

/// The most slots that a run is divided into.
pub const SLOTS: usize = 3_600;

/// One digit of a latency is kept for each slot: its percentiles are at most 6 % too high.
const DIGITS: u8 = 1;

/// The longest latency that a slot distinguishes from longer ones: ten minutes.
const LONGEST_US: u64 = 600_000_000;

/// A histogram as each slot has one.
fn histogram() -> Histogram<u32> {
    Histogram::new_with_bounds(1, LONGEST_US, DIGITS).expect("a histogram takes these constants")
}

/// The run so far. Seats are kept as differences from slot to slot, so that a lapse can be noted
/// before it happens.
#[derive(Clone, Debug)]
pub(super) struct Timeline {
    width_secs: u64,
    slots: Vec<Slot>,
}

#[derive(Clone, Debug, Default)]
struct Slot {
    counts: Counts,
    latency: Option<Box<Histogram<u32>>>,
    opened: i64,
    held: i64,
    sold: i64,
}

impl Slot {
    fn merge(&mut self, other: &Self) {
        self.counts.merge(&other.counts);
        self.opened += other.opened;
        self.held += other.held;
        self.sold += other.sold;
        if let Some(theirs) = &other.latency {
            let mine = self.latency.get_or_insert_with(|| Box::new(histogram()));
            mine.add(theirs.as_ref()).expect("all slots have the same bounds");
        }
    }
}

impl Timeline {
    pub(super) fn new(seconds: u64) -> Self {
        let width_secs = seconds.div_ceil(SLOTS as u64).max(1).next_power_of_two();
        Self { width_secs, slots: Vec::new() }
    }

    pub(super) const fn width(&self) -> u64 {
        self.width_secs
    }

    pub(super) fn record(&mut self, outcome: Outcome, at: Micros, latency: Micros) {
        let slot = self.slot(at);
        slot.counts.add(outcome);
        slot.latency.get_or_insert_with(|| Box::new(histogram())).saturating_record(latency);
    }

    pub(super) fn opened(&mut self, at: Micros, seats: i64) {
        self.slot(at).opened += seats;
    }

    pub(super) fn held(&mut self, at: Micros, seats: i64) {
        self.slot(at).held += seats;
    }

    pub(super) fn sold(&mut self, at: Micros, seats: i64) {
        self.slot(at).sold += seats;
    }

    /// From `at` on, `seats` seats fewer are held. A lapse past the last slot is past the planned
    /// end, which no series shows; it must not make the run coarser.
    pub(super) fn lapses(&mut self, at: Micros, seats: i64) {
        if self.place(at) < SLOTS {
            self.slot(at).held -= seats;
        }
    }

    /// The last slot that was over by `now`: its count of answers and their p99.
    pub(super) fn last_whole(&self, now: Micros) -> (u64, Option<u64>) {
        let last = self.place(now).checked_sub(1).and_then(|last| self.slots.get(last));
        last.map_or((0, None), |slot| (slot.counts.all(), slot.latency_at(0.99)))
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "rounded up")]
    pub(super) fn series(&self, seconds: f64) -> Series {
        let planned = (seconds.ceil() as u64).div_ceil(self.width_secs);
        let answered = self.slots.iter().rposition(|slot| slot.counts.all() > 0);
        let length = answered.map_or(0, |last| last + 1).max(planned as usize).min(SLOTS);
        let mut slots: Vec<_> = self.slots.iter().take(length).cloned().collect();
        slots.resize_with(length, Slot::default);
        self.close(&mut slots, seconds);
        let mut sums = Slot::default();
        let points = slots
            .iter()
            .zip(0_u64..)
            .map(|(slot, place)| {
                sums.merge(slot);
                slot.point(place * self.width_secs, &sums)
            })
            .collect();
        Series { width_secs: self.width_secs, seats: positive(sums.opened), points }
    }

    /// Merges a last slot that the run hardly reached into the one before: its few answers would
    /// look like a collapse.
    #[expect(clippy::cast_precision_loss, reason = "a second more or less")]
    fn close(&self, slots: &mut Vec<Slot>, seconds: f64) {
        let reached = seconds - slots.len().saturating_sub(1) as f64 * self.width_secs as f64;
        if !(0.0..self.width_secs as f64 / 2.0).contains(&reached) {
            return;
        }
        if let [.., before, last] = &mut slots[..] {
            before.merge(last);
            slots.pop();
        }
    }

    const fn place(&self, at: Micros) -> usize {
        (at / 1_000_000 / self.width_secs) as usize
    }

    fn slot(&mut self, at: Micros) -> &mut Slot {
        while self.place(at) >= SLOTS {
            self.coarsen();
        }
        let place = self.place(at);
        if place >= self.slots.len() {
            self.slots.resize_with(place + 1, Slot::default);
        }
        &mut self.slots[place]
    }

    fn coarsen(&mut self) {
        self.width_secs *= 2;
        let mut slots = std::mem::take(&mut self.slots).into_iter();
        while let Some(mut first) = slots.next() {
            if let Some(second) = slots.next() {
                first.merge(&second);
            }
            self.slots.push(first);
        }
    }
}

impl Slot {
    /// The point of this slot, where all slots up to it add up to `sums`.
    fn point(&self, at_secs: u64, sums: &Self) -> Point {
        // A late answer can count a hold after its lapse, so the sums may exceed the seats.
        let seats = positive(sums.opened);
        let sold = positive(sums.sold).min(seats);
        let held = positive(sums.held).min(seats - sold);
        Point {
            at_secs,
            counts: self.counts,
            p50_us: self.latency_at(0.5),
            p99_us: self.latency_at(0.99),
            free: seats - sold - held,
            held,
            sold,
        }
    }

    fn latency_at(&self, quantile: f64) -> Option<u64> {
        self.latency.as_ref().map(|latency| latency.value_at_quantile(quantile))
    }
}

fn positive(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

/// A run over time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Series {
    /// How many seconds a point stands for.
    pub width_secs: u64,
    /// How many seats were on sale in the end.
    pub seats: u64,
    /// One after the other, without gaps.
    pub points: Vec<Point>,
}

/// A slot of one second, or of several.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Point {
    /// When it began, in seconds of the run.
    pub at_secs: u64,
    /// The answers that came.
    #[serde(flatten)]
    pub counts: Counts,
    /// Half of them took no longer, in microseconds; `None` without an answer.
    pub p50_us: Option<u64>,
    /// 99 in 100 of them took no longer.
    pub p99_us: Option<u64>,
    /// The seats that were neither held nor sold at its end, as far as the answers show.
    pub free: u64,
    /// The seats on hold.
    pub held: u64,
    /// The seats sold.
    pub sold: u64,
}

impl Series {
    /// This run in at most `points` points, for a picture: counts are added up, seats are as at the
    /// end, and the worst of several percentiles is kept, lest a bad second be smoothed away.
    #[must_use]
    pub fn at_most(&self, points: usize) -> Self {
        let together = self.points.len().div_ceil(points.max(1)).max(1);
        Self {
            width_secs: self.width_secs * together as u64,
            seats: self.seats,
            points: self.points.chunks(together).map(Point::of_several).collect(),
        }
    }
}

impl Point {
    fn of_several(points: &[Self]) -> Self {
        let mut one = points.last().copied().unwrap_or_default();
        one.counts = Counts::default();
        for point in points {
            one.counts.merge(&point.counts);
            one.p50_us = one.p50_us.max(point.p50_us);
            one.p99_us = one.p99_us.max(point.p99_us);
        }
        one.at_secs = points.first().map_or(0, |first| first.at_secs);
        one
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Micros = 1_000_000;

    fn seats(timeline: &Timeline) -> Vec<(u64, u64, u64)> {
        let series = timeline.series(5.0);
        series.points.iter().map(|point| (point.free, point.held, point.sold)).collect()
    }

    #[test]
    fn a_hold_lapses_by_itself() {
        let mut timeline = Timeline::new(5);
        timeline.opened(0, 3);
        timeline.held(SECOND, 2);
        timeline.lapses(3 * SECOND, 2);
        assert_eq!(seats(&timeline), [(3, 0, 0), (1, 2, 0), (1, 2, 0), (3, 0, 0), (3, 0, 0)]);
    }

    #[test]
    fn a_lapse_after_the_last_slot_changes_nothing() {
        let mut timeline = Timeline::new(5);
        timeline.opened(0, 1);
        timeline.held(0, 1);
        timeline.lapses(SLOTS as u64 * SECOND, 1);
        assert_eq!(timeline.width(), 1);
        assert_eq!(seats(&timeline)[4], (0, 1, 0));
    }

    #[test]
    fn seats_that_open_later_are_not_free_before() {
        let mut timeline = Timeline::new(5);
        timeline.opened(0, 1);
        timeline.opened(2 * SECOND, 4);
        let free: Vec<_> = seats(&timeline).into_iter().map(|(free, ..)| free).collect();
        assert_eq!(free, [1, 1, 5, 5, 5]);
        assert_eq!(timeline.series(5.0).seats, 5);
    }

    #[test]
    fn seats_beyond_those_on_sale_are_capped() {
        let mut timeline = Timeline::new(1);
        timeline.opened(0, 4);
        timeline.held(0, 3);
        timeline.sold(0, 9);
        assert_eq!(seats(&timeline)[0], (0, 0, 4));
    }

    #[test]
    fn a_longer_run_than_planned_grows_coarser_and_loses_nothing() {
        let mut timeline = Timeline::new(1);
        let seconds = SLOTS as u64 * 5;
        for second in 0..seconds {
            timeline.record(Outcome::Ok, second * SECOND, second);
        }
        assert_eq!(timeline.width(), 8);
        let series = timeline.series(1.0);
        assert_eq!(series.points.len() as u64, seconds.div_ceil(8));
        assert!(series.points.iter().all(|point| point.counts.ok == 8));
        assert_eq!(series.points[100].at_secs, 800);
    }

    #[test]
    fn a_planned_long_run_starts_coarse() {
        assert_eq!(Timeline::new(SLOTS as u64).width(), 1);
        assert_eq!(Timeline::new(SLOTS as u64 + 1).width(), 2);
        assert_eq!(Timeline::new(86_400).width(), 32);
    }

    #[test]
    fn a_silent_second_is_a_point_without_latency() {
        let mut timeline = Timeline::new(3);
        timeline.record(Outcome::Ok, 2 * SECOND, 10);
        let points = timeline.series(3.0).points;
        assert_eq!(points.len(), 3);
        assert_eq!((points[1].p99_us, points[2].p99_us), (None, Some(10)));
    }

    #[test]
    fn the_last_few_answers_belong_to_the_second_before() {
        let mut timeline = Timeline::new(2);
        for at in [SECOND / 2, SECOND * 3 / 2, SECOND * 2 + 20_000] {
            timeline.record(Outcome::Ok, at, 10);
        }
        let lengths = [2.0, 2.02, 2.6].map(|seconds| timeline.series(seconds).points.len());
        assert_eq!(lengths, [2, 2, 3]);
        assert_eq!(timeline.series(2.02).points[1].counts.ok, 2);
    }

    #[test]
    fn fewer_points_keep_the_counts_and_the_worst_second() {
        let points = (0..10_u64)
            .map(|at_secs| Point {
                at_secs,
                counts: Counts { ok: 1, ..Counts::default() },
                p99_us: (at_secs != 4).then_some(100 - at_secs),
                sold: at_secs,
                ..Point::default()
            })
            .collect();
        let series = Series { width_secs: 1, seats: 10, points }.at_most(4);
        assert_eq!((series.width_secs, series.points.len()), (3, 4));
        let second = series.points[1];
        assert_eq!((second.at_secs, second.counts.ok), (3, 3));
        assert_eq!((second.p99_us, second.sold), (Some(97), 5));
        assert_eq!(series.points[3].counts.ok, 1);
    }
}
