//! The latencies of each kind of request side by side: where half, 99 in 100 and all of them lie.

use std::fmt::{self, Write as _};

use super::axis::{Axis, Tick};
use crate::report::figures::{latency, round_latency};
use crate::stats::{ActionRow, Latency, Stats};

/// How high a row is, in the height of a letter.
const ROW_REM: f64 = 2.75;

/// Writes the picture; the table beside it has the same numbers.
pub(super) fn write(stats: &Stats, to: &mut String) -> fmt::Result {
    let rows = &stats.actions;
    let Some(lowest) = rows.iter().map(|of| of.row.latency.p50_us).min() else { return Ok(()) };
    let axis = Axis::log(float(lowest), float(stats.all.latency.max_us));
    #[expect(clippy::cast_precision_loss, reason = "there are seven at most")]
    let count = rows.len() as f64;
    write!(
        to,
        "<figure>\n<ul class=\"legend\">\n\
         <li><svg class=\"key\" aria-hidden=\"true\"><circle class=\"half\" cx=\"11\" cy=\"6\" \
         r=\"5\"/></svg>p50</li>\n\
         <li><svg class=\"key\" aria-hidden=\"true\"><line class=\"most\" x1=\"3\" x2=\"19\" \
         y1=\"6\" y2=\"6\"/></svg>to p99</li>\n\
         <li><svg class=\"key\" aria-hidden=\"true\"><line class=\"all\" x1=\"1\" x2=\"21\" \
         y1=\"6\" y2=\"6\"/></svg>to the longest</li>\n</ul>\n\
         <svg class=\"plot ranges\" style=\"height:{:.2}rem\" role=\"img\" \
         aria-labelledby=\"ranges-t\">\n\
         <title id=\"ranges-t\">Latency by request; the table has the numbers</title>\n\
         <g class=\"grid across\">\n",
        count * ROW_REM,
    )?;
    for Tick { at, label } in axis.ticks(round_latency) {
        let x = at * 100.0;
        writeln!(
            to,
            "<line x1=\"{x:.2}%\" x2=\"{x:.2}%\" y2=\"100%\"/>\
             <text x=\"{x:.2}%\" y=\"100%\" dy=\"1.6em\">{label}</text>"
        )?;
    }
    writeln!(to, "</g>")?;
    for (place, of) in (0_u32..).zip(rows) {
        write_row(of, &axis, f64::from(place) / count, 1.0 / count, to)?;
    }
    writeln!(to, "</svg>\n</figure>")
}

fn write_row(of: &ActionRow, axis: &Axis, top: f64, height: f64, to: &mut String) -> fmt::Result {
    let Latency { p50_us, p99_us, max_us, .. } = of.row.latency;
    let [half, most, all] =
        [p50_us, p99_us, max_us].map(|micros| axis.place(float(micros)) * 100.0);
    let [words, bar] = [0.48, 0.72].map(|part| (top + height * part) * 100.0);
    let name = of.action.verb();
    writeln!(
        to,
        "<g><title>{name}: p50 {}, p99 {}, at most {}</title>\n\
         <text class=\"row\" y=\"{words:.2}%\">{name}</text>\n\
         <line class=\"all\" x1=\"{half:.2}%\" x2=\"{all:.2}%\" y1=\"{bar:.2}%\" y2=\"{bar:.2}%\"/>\n\
         <line class=\"most\" x1=\"{half:.2}%\" x2=\"{most:.2}%\" y1=\"{bar:.2}%\" y2=\"{bar:.2}%\"/>\n\
         <circle class=\"half\" cx=\"{half:.2}%\" cy=\"{bar:.2}%\" r=\"5\"/></g>",
        latency(p50_us),
        latency(p99_us),
        latency(max_us),
    )
}

#[expect(clippy::cast_precision_loss, reason = "a picture is no finer")]
fn float(number: u64) -> f64 {
    number as f64
}
