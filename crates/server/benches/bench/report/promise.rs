//! A promise: what has to be reached, and what is aimed at.

use super::spread::figure;

/// A bound on a figure. `reach` has to be kept, `aim` is where it should go.
pub(super) struct Promise {
    /// Its name in the JSON.
    pub(super) id: &'static str,
    pub(super) what: &'static str,
    pub(super) against: &'static str,
    bound: Bound,
}

/// The bound to reach, and the aim.
pub(super) enum Bound {
    AtLeast(f64, f64),
    AtMost(f64, f64),
}

use Bound::{AtLeast, AtMost};

/// A promise; `against` is empty where the figure is no ratio.
pub(super) const fn promise(
    id: &'static str,
    what: &'static str,
    against: &'static str,
    bound: Bound,
) -> Promise {
    Promise { id, what, against, bound }
}

impl Promise {
    /// The bound to reach, as text.
    pub(super) fn reach(&self) -> String {
        let (sign, reach, _) = self.parts();
        format!("{sign} {}", figure(reach))
    }

    /// The aim, as text.
    pub(super) fn aim(&self) -> String {
        let (sign, _, aim) = self.parts();
        format!("{sign} {}", figure(aim))
    }

    /// Whether a figure reaches the bound, or by how much it misses.
    pub(super) fn verdict(&self, value: f64) -> String {
        let (_, reach, aim) = self.parts();
        let (missed, short) = (self.missed_by(value, reach), self.missed_by(value, aim));
        match (missed > 0.0, short > 0.0) {
            (true, _) => format!("MISSED by {}; the aim by {}", percent(missed), percent(short)),
            (false, true) => format!("reached; the aim missed by {}", percent(short)),
            (false, false) => "reached, and the aim".to_owned(),
        }
    }

    const fn parts(&self) -> (&'static str, f64, f64) {
        match self.bound {
            AtLeast(reach, aim) => ("≥", reach, aim),
            AtMost(reach, aim) => ("≤", reach, aim),
        }
    }

    /// The share of the bound that is missing, or that is too much; not above 0 when it is kept.
    fn missed_by(&self, value: f64, bound: f64) -> f64 {
        match self.bound {
            AtLeast(..) => 1.0 - value / bound,
            AtMost(..) => value / bound - 1.0,
        }
    }
}

fn percent(share: f64) -> String {
    format!("{:.0} %", (share * 100.0).ceil())
}
