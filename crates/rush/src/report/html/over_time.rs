//! The three plots of a run over time: latencies, outcomes and seats.

use std::fmt;
use std::iter;

use super::axis::{self, Axis};
use super::outline;
use super::plot::{Key, Marks, Plot, Shape, Table};
use crate::report::figures::{latency, maybe_latency, rate, round_count, round_latency, thousands};
use crate::stats::{Counts, Point, Series};

/// How finely a plot is drawn.
const DRAWN: usize = 180;

/// How many rows the table beside it has.
const ROWS: usize = 60;

/// Writes the plots of a run that has any answers.
pub(super) fn write(series: &Series, to: &mut String) -> fmt::Result {
    if series.points.is_empty() {
        return Ok(());
    }
    let (drawn, rows) = (series.at_most(DRAWN), series.at_most(ROWS));
    waiting(&drawn, &rows).write(to)?;
    answers(&drawn, &rows, length(series)).write(to)?;
    if series.seats > 0 {
        seats(&drawn, &rows).write(to)?;
    }
    Ok(())
}

fn waiting(drawn: &Series, rows: &Series) -> Plot {
    let mut medians: Vec<_> = drawn.points.iter().filter_map(|point| point.p50_us).collect();
    medians.sort_unstable();
    let lowest = medians.first().copied().unwrap_or(1);
    let typical = medians.get(medians.len() / 2).copied().unwrap_or(0);
    let worst = drawn.points.iter().max_by_key(|point| point.p99_us);
    let (highest, worst_at) =
        worst.map_or((1, 0), |point| (point.p99_us.unwrap_or(1), point.at_secs));
    let axis = Axis::log(float(lowest), float(highest));
    let along = |value: fn(&Point) -> Option<u64>| {
        let values = drawn.points.iter().map(|point| value(point).map(float));
        outline::line(&values.collect::<Vec<_>>(), &axis)
    };
    let both = |point: &Point| point.p50_us.map(float).zip(point.p99_us.map(float));
    let between: Vec<_> = drawn.points.iter().map(both).collect();
    Plot {
        id: "latency",
        title: "Latency over time",
        says: format!(
            "What half of all requests (p50) and 99 in 100 (p99) waited at most, {}{}. The \
             scale is logarithmic; a gap is a time without answers.",
            each(drawn),
            if drawn.width_secs > 1 { " (the worst second of each)" } else { "" },
        ),
        description: format!(
            "The p50 is {} in a typical interval; the worst p99 is {}, at {worst_at} seconds.",
            latency(typical),
            latency(highest),
        ),
        marks: Marks::Lines,
        keys: vec![
            Key { class: "p50", name: "p50", figure: format!("{} typically", latency(typical)) },
            Key { class: "p99", name: "p99", figure: format!("{} at worst", latency(highest)) },
        ],
        x: axis::time(length(drawn)),
        y: axis.ticks(round_latency),
        shapes: vec![
            Shape { class: "between", path: outline::band(&between, &axis) },
            Shape { class: "p99", path: along(|point| point.p99_us) },
            Shape { class: "p50", path: along(|point| point.p50_us) },
        ],
        hints: hints(drawn, |point| {
            format!("p50 {}, p99 {}", maybe_latency(point.p50_us), maybe_latency(point.p99_us))
        }),
        table: Table {
            head: vec!["from", "answers", "p50", "p99"],
            rows: table(rows, |point| {
                vec![
                    thousands(point.counts.all()),
                    maybe_latency(point.p50_us),
                    maybe_latency(point.p99_us),
                ]
            }),
        },
    }
}

fn answers(drawn: &Series, rows: &Series, seconds: u64) -> Plot {
    let per_second = |point: &Point, count: u64| {
        // The last interval may be shorter than the others.
        float(count) / float((seconds - point.at_secs).clamp(1, drawn.width_secs))
    };
    let rates = drawn.points.iter().map(|point| per_second(point, point.counts.all()));
    let highest = rates.fold(0.0, f64::max);
    let axis = Axis::linear(highest);
    let mut all = Counts::default();
    drawn.points.iter().for_each(|point| all.merge(&point.counts));
    let layer = |class, below: fn(&Counts) -> u64, above: fn(&Counts) -> u64| {
        let heights = drawn.points.iter().map(|point| {
            (per_second(point, below(&point.counts)), per_second(point, above(&point.counts)))
        });
        Shape { class, path: outline::steps(&heights.collect::<Vec<_>>(), &axis) }
    };
    Plot {
        id: "outcomes",
        title: "Outcomes over time",
        says: format!(
            "Answers a second, {}, one kind above the other. A refusal is an honest answer (the \
             seat was taken); unknown means that no answer came or nobody read it.",
            each(drawn),
        ),
        description: format!(
            "In all {} ok, {} refused, {} unknown and {} failed; at most {} a second.",
            thousands(all.ok),
            thousands(all.refused),
            thousands(all.unknown),
            thousands(all.fault),
            rate(highest),
        ),
        marks: Marks::Areas,
        keys: vec![
            Key { class: "fault", name: "failed", figure: thousands(all.fault) },
            Key { class: "unknown", name: "unknown", figure: thousands(all.unknown) },
            Key { class: "refused", name: "refused", figure: thousands(all.refused) },
            Key { class: "ok", name: "ok", figure: thousands(all.ok) },
        ],
        x: axis::time(length(drawn)),
        y: axis.ticks(rounded),
        shapes: vec![
            layer("ok", |_| 0, |c| c.ok),
            layer("refused", |c| c.ok, |c| c.ok + c.refused),
            layer("unknown", |c| c.ok + c.refused, |c| c.ok + c.refused + c.unknown),
            layer("fault", |c| c.ok + c.refused + c.unknown, Counts::all),
        ],
        hints: hints(drawn, |point| {
            let Counts { ok, refused, unknown, fault } = point.counts;
            format!("{ok} ok, {refused} refused, {unknown} unknown, {fault} failed")
        }),
        table: Table {
            head: vec!["from", "ok", "refused", "unknown", "failed"],
            rows: table(rows, |point| {
                let Counts { ok, refused, unknown, fault } = point.counts;
                [ok, refused, unknown, fault].map(thousands).to_vec()
            }),
        },
    }
}

fn seats(drawn: &Series, rows: &Series) -> Plot {
    let axis = Axis::linear(float(drawn.seats));
    let last = drawn.points.last().copied().unwrap_or_default();
    // Nothing is held before the first answer; what is on sale then opens within its interval.
    let first = drawn.points.first().copied().unwrap_or_default();
    let start = Point { free: first.free + first.held + first.sold, ..Point::default() };
    let gone = drawn.points.iter().find(|point| point.free == 0).map(|point| point.at_secs);
    let layer = |class, below: fn(&Point) -> u64, above: fn(&Point) -> u64| {
        let states = iter::once(&start).chain(&drawn.points);
        let heights = states.map(|point| (float(below(point)), float(above(point))));
        Shape { class, path: outline::slopes(&heights.collect::<Vec<_>>(), &axis) }
    };
    Plot {
        id: "seats",
        title: "Seats over time",
        says: "Free, held and sold seats at the end of each interval, as far as the answers tell: \
               a hold counts until it is paid, given back or would lapse."
            .to_owned(),
        description: format!(
            "Of {} seats {} were sold, {} held and {} free at the end{}.",
            thousands(drawn.seats),
            thousands(last.sold),
            thousands(last.held),
            thousands(last.free),
            gone.map_or_else(String::new, |at| format!("; none was free after {at} seconds")),
        ),
        marks: Marks::Areas,
        keys: vec![
            Key { class: "free", name: "free at the end", figure: thousands(last.free) },
            Key { class: "held", name: "held", figure: thousands(last.held) },
            Key { class: "sold", name: "sold", figure: thousands(last.sold) },
        ],
        x: axis::time(length(drawn)),
        y: axis.ticks(rounded),
        shapes: vec![
            layer("sold", |_| 0, |p| p.sold),
            layer("held", |p| p.sold, |p| p.sold + p.held),
            layer("free", |p| p.sold + p.held, |p| p.sold + p.held + p.free),
        ],
        hints: hints(drawn, |point| {
            format!("{} free, {} held, {} sold", point.free, point.held, point.sold)
        }),
        table: Table {
            head: vec!["from", "free", "held", "sold"],
            rows: table(rows, |point| [point.free, point.held, point.sold].map(thousands).to_vec()),
        },
    }
}

/// The meaning of one point, in words.
fn each(series: &Series) -> String {
    match series.width_secs {
        1 => "second by second".to_owned(),
        width => format!("every {width} seconds"),
    }
}

fn length(series: &Series) -> u64 {
    series.width_secs * series.points.len() as u64
}

fn hints(series: &Series, says: impl Fn(&Point) -> String) -> Vec<String> {
    series.points.iter().map(|point| format!("{} s: {}", point.at_secs, says(point))).collect()
}

fn table(series: &Series, cells: impl Fn(&Point) -> Vec<String>) -> Vec<Vec<String>> {
    let row = |point: &Point| {
        let name = format!("{} s", thousands(point.at_secs));
        iter::once(name).chain(cells(point)).collect()
    };
    series.points.iter().map(row).collect()
}

#[expect(clippy::cast_precision_loss, reason = "a picture is no finer")]
fn float(number: u64) -> f64 {
    number as f64
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a tick's value")]
fn rounded(value: f64) -> String {
    round_count(value.round() as u64)
}
