//! Tables in Markdown, and the spread of several runs.

use std::fmt;

/// The median, the least and the most of several runs.
#[derive(Clone, Copy)]
pub(crate) struct Spread {
    /// The middle one.
    pub(crate) median: f64,
    least: f64,
    most: f64,
}

impl Spread {
    /// Of one value of each run.
    pub(crate) fn of<T>(runs: &[T], value: impl Fn(&T) -> f64) -> Self {
        let mut values: Vec<_> = runs.iter().map(value).collect();
        values.sort_by(f64::total_cmp);
        let at = |index: usize| values.get(index).copied().unwrap_or(f64::NAN);
        let (middle, last) = (values.len() / 2, values.len().saturating_sub(1));
        let median = if values.len() % 2 == 1 {
            at(middle)
        } else {
            f64::midpoint(at(middle.saturating_sub(1)), at(middle))
        };
        Self { median, least: at(0), most: at(last) }
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
pub(crate) const fn as_f64(count: i64) -> f64 {
    count as f64
}

/// A number to about three digits.
pub(crate) fn figure(number: f64) -> String {
    let digits = match number.abs() {
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

/// A table, printed as a whole when its case is done.
pub(crate) struct Table {
    title: String,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new(title: impl Into<String>, heads: &[&str]) -> Self {
        Self { title: title.into(), rows: vec![heads.iter().map(ToString::to_string).collect()] }
    }

    pub(crate) fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    pub(crate) fn print(&self) {
        println!("### {}\n", self.title);
        for (index, row) in self.rows.iter().enumerate() {
            println!("| {} |", row.join(" | "));
            if index == 0 {
                println!("|{}", "---|".repeat(row.len()));
            }
        }
        println!();
    }
}

/// The bound that a figure should reach.
#[derive(Clone, Copy)]
pub(crate) enum Wanted {
    AtLeast(f64),
    AtMost(f64),
}

/// Prints whether a figure reaches its bound.
pub(crate) fn verdict(what: &str, value: f64, wanted: Wanted) {
    let (reached, bound) = match wanted {
        Wanted::AtLeast(bound) => (value >= bound, format!("≥ {}", figure(bound))),
        Wanted::AtMost(bound) => (value <= bound, format!("≤ {}", figure(bound))),
    };
    let word = if reached { "reached" } else { "MISSED" };
    println!("- {what}: **{}**, wanted {bound}: {word}", figure(value));
}
