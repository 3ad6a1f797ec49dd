//! Axes: where a value stands, and which values deserve a line and a label.

/// The extent of a plot along each axis, in its own units.
pub(super) const EXTENT: f64 = 1_000.0;

/// How many labels a logarithmic axis has at most before it has one a decade.
const LABELS: usize = 6;

/// A tick: where it stands and what it says.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tick {
    /// From 0 (left, or bottom) to 1.
    pub(super) at: f64,
    /// Its label.
    pub(super) label: String,
}

/// From values to heights.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Axis {
    /// From 0 up, in steps.
    Linear { step: f64, steps: u32 },
    /// Between two round numbers, each decade as high as the next.
    Log { low: f64, high: f64 },
}

impl Axis {
    /// A linear axis that has room for the value, in two to five steps of a round number.
    pub(super) fn linear(highest: f64) -> Self {
        let highest = highest.max(1.0);
        let step = round_up(highest / 5.0).max(1.0);
        let mut steps = 1;
        while f64::from(steps) * step < highest {
            steps += 1;
        }
        Self::Linear { step, steps }
    }

    /// A logarithmic axis between the round numbers around these.
    pub(super) fn log(lowest: f64, highest: f64) -> Self {
        let (mut low, mut high) = (round_down(lowest.max(1.0)), round_up(highest.max(1.0)));
        if high <= low {
            high = low * 10.0;
        }
        // Only whole decades have labels then, and both ends should have one.
        if round_numbers(low, high).len() > LABELS {
            low = mantissa(low).1;
            high = 10.0 * mantissa(high / 1.001).1;
        }
        Self::Log { low, high }
    }

    /// How high a value stands, from 0 to 1.
    pub(super) fn place(&self, value: f64) -> f64 {
        match *self {
            Self::Linear { step, steps } => value / (step * f64::from(steps)),
            Self::Log { low, high } => (value.max(low) / low).ln() / (high / low).ln(),
        }
    }

    /// A value's distance from the top in a plot's units.
    pub(super) fn y(&self, value: f64) -> f64 {
        (1.0 - self.place(value).clamp(0.0, 1.0)) * EXTENT
    }

    /// The ticks, from below.
    pub(super) fn ticks(&self, label: impl Fn(f64) -> String) -> Vec<Tick> {
        let values: Vec<f64> = match *self {
            Self::Linear { step, steps } => {
                (0..=steps).map(|place| f64::from(place) * step).collect()
            }
            Self::Log { low, high } => {
                let mut all = round_numbers(low, high);
                if all.len() > LABELS {
                    all.retain(|value| mantissa(*value).0 < 1.5);
                }
                all
            }
        };
        let tick = |value| Tick { at: self.place(value), label: label(value) };
        values.into_iter().map(tick).collect()
    }
}

/// 1, 2 and 5 of each decade between two of them.
fn round_numbers(low: f64, high: f64) -> Vec<f64> {
    let mut all = Vec::new();
    let mut value = low;
    while value <= high * 1.001 {
        all.push(value);
        value = round_up(value * 1.001);
    }
    all
}

/// A number as one from 1 to 10 and a power of ten.
fn mantissa(value: f64) -> (f64, f64) {
    let power = 10_f64.powf((value * 1.000_001).log10().floor());
    (value / power, power)
}

/// The smallest of 1, 2, 5, 10, 20, … that is not below.
fn round_up(value: f64) -> f64 {
    let (mantissa, power) = mantissa(value);
    let round = [1.0, 2.0, 5.0].into_iter().find(|round| mantissa <= round * 1.000_001);
    round.unwrap_or(10.0) * power
}

/// The greatest of 1, 2, 5, 10, 20, … that is not above.
fn round_down(value: f64) -> f64 {
    let (mantissa, power) = mantissa(value);
    let round = [5.0, 2.0].into_iter().find(|round| mantissa * 1.000_001 >= *round);
    round.unwrap_or(1.0) * power
}

/// Ticks along so many seconds, at most seven of them.
pub(super) fn time(seconds: u64) -> Vec<Tick> {
    const STEPS: [u64; 20] = [
        1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200,
        86_400, 172_800, 604_800,
    ];
    let step = STEPS.into_iter().find(|step| seconds / step <= 6);
    let step = step.unwrap_or_else(|| seconds.div_ceil(6));
    let label = |at: u64| match step {
        _ if at == 0 => "0".to_owned(),
        step if step.is_multiple_of(3_600) => format!("{} h", at / 3_600),
        step if step.is_multiple_of(60) => format!("{} min", at / 60),
        _ => format!("{at} s"),
    };
    (0..=seconds / step)
        .map(|number| Tick { at: share(number * step, seconds), label: label(number * step) })
        .collect()
}

#[expect(clippy::cast_precision_loss, reason = "a picture is no finer")]
fn share(part: u64, whole: u64) -> f64 {
    part as f64 / whole.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(ticks: &[Tick]) -> Vec<&str> {
        ticks.iter().map(|tick| tick.label.as_str()).collect()
    }

    fn whole(value: f64) -> String {
        format!("{value:.0}")
    }

    #[test]
    fn a_linear_axis_ends_at_a_round_number_above() {
        assert_eq!(labels(&Axis::linear(0.0).ticks(whole)), ["0", "1"]);
        assert_eq!(labels(&Axis::linear(268.0).ticks(whole)), ["0", "100", "200", "300"]);
        assert_eq!(labels(&Axis::linear(480.0).ticks(whole)).last(), Some(&"500"));
        assert_eq!(labels(&Axis::linear(1_000.0).ticks(whole)).last(), Some(&"1000"));
    }

    #[test]
    fn a_logarithmic_axis_holds_both_ends() {
        let axis = Axis::log(2_303.0, 507_903.0);
        assert_eq!(axis, Axis::Log { low: 1_000.0, high: 1_000_000.0 });
        assert_eq!(labels(&axis.ticks(whole)), ["1000", "10000", "100000", "1000000"]);
        let narrow = Axis::log(300.0, 900.0);
        assert_eq!(labels(&narrow.ticks(whole)), ["200", "500", "1000"]);
        assert_eq!(Axis::log(0.0, 0.0), Axis::Log { low: 1.0, high: 10.0 });
        assert!((axis.place(1_000_000.0) - 1.0).abs() < 1e-9);
        assert!(axis.place(1.0).abs() < 1e-9);
    }

    #[test]
    fn heights_are_counted_from_the_top() {
        let axis = Axis::linear(10.0);
        assert!(axis.y(10.0).abs() < 1e-9);
        assert!((axis.y(0.0) - EXTENT).abs() < 1e-9);
    }

    #[test]
    fn time_has_few_labels_in_fitting_units() {
        assert_eq!(labels(&time(0)), ["0"]);
        assert_eq!(labels(&time(3)), ["0", "1 s", "2 s", "3 s"]);
        assert_eq!(labels(&time(30)).last(), Some(&"30 s"));
        assert_eq!(labels(&time(600)).last(), Some(&"10 min"));
        assert_eq!(labels(&time(86_400)).last(), Some(&"24 h"));
        assert!((0..200_000).step_by(997).all(|seconds| time(seconds).len() <= 7));
    }
}
