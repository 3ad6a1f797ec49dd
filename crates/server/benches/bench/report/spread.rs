//! The spread of several runs, and numbers for people.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The median, the least and the most of several runs.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Spread {
    /// The middle one.
    pub(crate) median: f64,
    least: f64,
    most: f64,
}

impl Spread {
    /// Of these values; `None` when there is none that is finite.
    pub(crate) fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<_> = values.into_iter().filter(|value| value.is_finite()).collect();
        values.sort_by(f64::total_cmp);
        let (least, most) = (*values.first()?, *values.last()?);
        let middle = values.len() / 2;
        let above = *values.get(middle)?;
        let median = match values.len() % 2 {
            0 => f64::midpoint(*values.get(middle - 1)?, above),
            _ => above,
        };
        Some(Self { median, least, most })
    }
}

/// `17,234 (16,900–17,500)`: the median and, of more than one run, the least and the most.
impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", figure(self.median))?;
        if self.most > self.least {
            write!(f, " ({}–{})", figure(self.least), figure(self.most))?;
        }
        Ok(())
    }
}

/// A count, to calculate with.
#[expect(clippy::cast_precision_loss, reason = "counts here are far below 2⁵³")]
pub(crate) const fn as_f64(count: usize) -> f64 {
    count as f64
}

/// A number to about three digits.
pub(super) fn figure(number: f64) -> String {
    let digits = match number.abs() {
        0.0 => 0,
        1_000.0.. => return with_commas(&format!("{number:.0}")),
        100.0.. => 0,
        10.0.. => 1,
        1.0.. => 2,
        _ => 3,
    };
    format!("{number:.digits$}")
}

fn with_commas(digits: &str) -> String {
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
