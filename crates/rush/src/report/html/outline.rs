//! From values to outlines in SVG's words, in a picture of [`EXTENT`] by [`EXTENT`]. Writing to a
//! string cannot fail, so that nothing here can.

use std::fmt::Write as _;

use super::axis::{Axis, EXTENT};

/// A line through the middle of each interval, broken where there is no value.
pub(super) fn line(values: &[Option<f64>], axis: &Axis) -> String {
    let mut path = String::new();
    let mut drawing = false;
    for (place, value) in values.iter().enumerate() {
        if let Some(value) = value {
            let (x, y) = (middle(place, values.len()), axis.y(*value));
            // A lone value is a line to where it began, which round ends make a dot.
            let word = if drawing { "L" } else { "M" };
            let _ = write!(path, "{word}{x:.1} {y:.1}");
            if !drawing {
                path += "h0";
            }
        }
        drawing = value.is_some();
    }
    path
}

/// The area between two values in the middle of each interval, broken where there are none.
pub(super) fn band(values: &[Option<(f64, f64)>], axis: &Axis) -> String {
    let mut path = String::new();
    let mut from = 0;
    for part in values.split(Option::is_none) {
        let inner: Vec<_> = part
            .iter()
            .flatten()
            .enumerate()
            .map(|(place, &heights)| (middle(from + place, values.len()), heights))
            .collect();
        path += &area(&inner, axis);
        from += part.len() + 1;
    }
    path
}

/// The area between two values, each of which holds for a whole interval.
pub(super) fn steps(values: &[(f64, f64)], axis: &Axis) -> String {
    let corners: Vec<_> = values
        .iter()
        .enumerate()
        .flat_map(|(place, &heights)| {
            [place, place + 1].map(|edge| (edge_at(edge, values.len()), heights))
        })
        .collect();
    area(&corners, axis)
}

/// The area between two values that are known at the edges of the intervals.
pub(super) fn slopes(values: &[(f64, f64)], axis: &Axis) -> String {
    let intervals = values.len().saturating_sub(1);
    let corners: Vec<_> = values
        .iter()
        .enumerate()
        .map(|(place, &heights)| (edge_at(place, intervals), heights))
        .collect();
    area(&corners, axis)
}

/// Along the upper values and back along the lower ones.
fn area(corners: &[(f64, (f64, f64))], axis: &Axis) -> String {
    if corners.iter().all(|(_, (lower, upper))| lower >= upper) {
        return String::new();
    }
    let upper = corners.iter().map(|&(x, (_, upper))| (x, upper));
    let lower = corners.iter().rev().map(|&(x, (lower, _))| (x, lower));
    let mut path = String::new();
    for (place, (x, value)) in upper.chain(lower).enumerate() {
        let word = if place == 0 { "M" } else { "L" };
        let _ = write!(path, "{word}{x:.1} {:.1}", axis.y(value));
    }
    path + "Z"
}

fn middle(place: usize, of: usize) -> f64 {
    f64::midpoint(edge_at(place, of), edge_at(place + 1, of))
}

#[expect(clippy::cast_precision_loss, reason = "a picture is no finer")]
fn edge_at(place: usize, of: usize) -> f64 {
    place as f64 * EXTENT / of.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axis() -> Axis {
        Axis::Linear { step: 10.0, steps: 1 }
    }

    #[test]
    fn a_line_is_broken_where_nothing_was_measured() {
        let values = [Some(0.0), Some(5.0), None, Some(10.0)];
        assert_eq!(line(&values, &axis()), "M125.0 1000.0h0L375.0 500.0M875.0 0.0h0");
        assert_eq!(line(&[], &axis()), "");
    }

    #[test]
    fn a_band_is_broken_there_too() {
        let values = [Some((0.0, 5.0)), None];
        assert_eq!(band(&values, &axis()), "M250.0 500.0L250.0 1000.0Z");
        let late = [None, Some((0.0, 5.0))];
        assert_eq!(band(&late, &axis()), "M750.0 500.0L750.0 1000.0Z");
    }

    #[test]
    fn steps_hold_for_their_interval() {
        let expected = "M0.0 500.0L500.0 500.0L500.0 0.0L1000.0 0.0\
                        L1000.0 1000.0L500.0 1000.0L500.0 1000.0L0.0 1000.0Z";
        assert_eq!(steps(&[(0.0, 5.0), (0.0, 10.0)], &axis()), expected);
    }

    #[test]
    fn slopes_join_the_edges_and_nothing_is_not_drawn() {
        let expected = "M0.0 1000.0L1000.0 0.0L1000.0 1000.0L0.0 1000.0Z";
        assert_eq!(slopes(&[(0.0, 0.0), (0.0, 10.0)], &axis()), expected);
        assert_eq!(slopes(&[(3.0, 3.0), (4.0, 4.0)], &axis()), "");
    }
}
