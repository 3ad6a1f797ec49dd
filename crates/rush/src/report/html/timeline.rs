//! When a few requests were under way, as bars on one scale of time that shows nothing else: a stretch
//! in which none of them was under way is cut short, or it would make specks of the bars.

use std::fmt::{self, Write as _};

use super::escape::Escaped;
use crate::history::{Micros, seconds};
use crate::report::figures::latency;
use crate::report::verdict::Evidence;

/// The least width of a bar, in hundredths of the whole.
const LEAST: f64 = 2.0;
/// The least share that a stretch has of the longest in which something was under way.
const LEAST_SHARE: f64 = 0.25;
/// The most that a stretch has in which nothing was.
const CUT_SHARE: f64 = 0.4;
/// How many stretches may be cut before their lengths would no longer fit under them.
const LABELLED_MAX: usize = 3;

/// The scale.
pub(super) struct Timeline {
    stretches: Vec<Stretch>,
    from: Micros,
    until: Micros,
}

/// A stretch of time, and its place in hundredths of the whole.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Stretch {
    from: Micros,
    until: Micros,
    left: f64,
    width: f64,
    is_cut: bool,
}

impl Timeline {
    pub(super) fn of(evidence: &[Evidence]) -> Self {
        let from = evidence.iter().map(|one| one.invoked_at).min().unwrap_or(0);
        let ends = evidence.iter().map(|one| one.answered_at.unwrap_or(one.invoked_at));
        let until = ends.max().unwrap_or(0).max(from + 1);
        let mut spans: Vec<_> =
            evidence.iter().map(|one| (one.invoked_at, end(one, until))).collect();
        spans.sort_unstable();
        Self { stretches: placed(&stretches(&spans)), from, until }
    }

    /// Where a moment stands.
    fn at(&self, moment: Micros) -> f64 {
        let stretch = self.stretches.iter().find(|stretch| moment <= stretch.until);
        let Some(stretch) = stretch else { return 100.0 };
        let share = as_f64(moment.saturating_sub(stretch.from)) / as_f64(stretch.length());
        stretch.left + share * stretch.width
    }

    /// One request's bar.
    pub(super) fn write_bar(&self, evidence: &Evidence, to: &mut String) -> fmt::Result {
        let from = self.at(evidence.invoked_at).min(100.0 - LEAST);
        let width = (self.at(end(evidence, self.until)) - from).max(LEAST);
        write!(to, "<svg class=\"span\" aria-hidden=\"true\">")?;
        for cut in self.cuts() {
            let Stretch { left, width, .. } = cut;
            write!(
                to,
                "<rect class=\"cut\" x=\"{left:.2}%\" width=\"{width:.2}%\" height=\"100%\"/>"
            )?;
        }
        writeln!(to, "<rect x=\"{from:.2}%\" width=\"{width:.2}%\" height=\"100%\"/></svg>")
    }

    /// The scale below the bars: from when to when, and how long the stretches are that are cut.
    pub(super) fn write_scale(&self, to: &mut String) -> fmt::Result {
        write!(
            to,
            "<svg class=\"scale\" aria-hidden=\"true\"><text y=\"1em\">{} s</text>\
             <text x=\"100%\" y=\"1em\" text-anchor=\"end\">{} s</text>",
            seconds(self.from),
            seconds(self.until),
        )?;
        if self.cuts().count() <= LABELLED_MAX {
            for cut in self.cuts() {
                write!(
                    to,
                    "<text x=\"{:.2}%\" y=\"2.3em\" text-anchor=\"middle\">{}</text>",
                    cut.left + cut.width / 2.0,
                    Escaped(format!("⋯ {} ⋯", latency(cut.length()))),
                )?;
            }
        }
        writeln!(to, "</svg>")
    }

    fn cuts(&self) -> impl Iterator<Item = &Stretch> {
        self.stretches.iter().filter(|stretch| stretch.is_cut)
    }
}

impl Stretch {
    const fn length(&self) -> Micros {
        self.until - self.from
    }
}

/// When a request ended; one in flight lasts to the end.
fn end(evidence: &Evidence, until: Micros) -> Micros {
    evidence.answered_at.unwrap_or(until).max(evidence.invoked_at + 1)
}

/// The stretches in which something was under way, or, as `true`, nothing was; of spans in the order of
/// their beginnings.
fn stretches(spans: &[(Micros, Micros)]) -> Vec<(Micros, Micros, bool)> {
    let mut stretches: Vec<(Micros, Micros, bool)> = Vec::new();
    for &(from, until) in spans {
        match stretches.last_mut() {
            Some((_, last, _)) if from <= *last => *last = until.max(*last),
            Some((_, last, _)) => {
                let idle = (*last, from, true);
                stretches.extend([idle, (from, until, false)]);
            }
            None => stretches.push((from, until, false)),
        }
    }
    stretches
}

/// Gives each stretch its place: as wide as it is long, but none so narrow that what is in it cannot be
/// seen, and idle ones no wider than they need be.
fn placed(stretches: &[(Micros, Micros, bool)]) -> Vec<Stretch> {
    let busy = stretches.iter().filter(|(.., is_idle)| !is_idle);
    let longest = busy.map(|(from, until, _)| as_f64(until - from)).fold(1.0, f64::max);
    let share = |(from, until, is_idle): &(Micros, Micros, bool)| {
        let length = as_f64(until - from) / longest;
        if *is_idle { length.min(CUT_SHARE) } else { length.max(LEAST_SHARE) }
    };
    let all: f64 = stretches.iter().map(share).sum();
    let mut left = 0.0;
    let place = |stretch: &(Micros, Micros, bool)| {
        let (from, until, is_idle) = *stretch;
        let width = share(stretch) * 100.0 / all;
        let is_cut = is_idle && as_f64(until - from) > longest * CUT_SHARE;
        let placed = Stretch { from, until, left, width, is_cut };
        left += width;
        placed
    };
    stretches.iter().map(place).collect()
}

#[expect(clippy::cast_precision_loss, reason = "a picture is no finer")]
const fn as_f64(micros: Micros) -> f64 {
    micros as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idle_time_is_cut_and_requests_are_wide() {
        // A tenth of a millisecond each, thirty milliseconds apart.
        let placed = placed(&stretches(&[(65_206, 65_306), (96_120, 96_220)]));
        let widths: Vec<_> = placed.iter().map(|stretch| stretch.width.round()).collect();
        assert_eq!(widths, [42.0, 17.0, 42.0]);
        assert_eq!(placed.iter().map(|it| it.is_cut).collect::<Vec<_>>(), [false, true, false]);
    }

    #[test]
    fn requests_that_overlap_share_a_scale_that_is_even() {
        let placed = placed(&stretches(&[(0, 60), (40, 100), (110, 200)]));
        let left: Vec<_> = placed.iter().map(|stretch| stretch.left).collect();
        assert_eq!(left, [0.0, 50.0, 55.0]);
        assert!(placed.iter().all(|stretch| !stretch.is_cut));
    }
}
