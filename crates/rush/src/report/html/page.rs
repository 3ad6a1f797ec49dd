//! The page as a whole: the verdict first and large, then each violation with its evidence, what
//! happened over time, and the figures.

use std::fmt::{self, Write as _};
use std::io::{self, Write};

use super::escape::Escaped;
use super::{judged, over_time, ranges};
use crate::report::figures::{count, latency, rate, thousands};
use crate::report::json::Report;
use crate::report::text;
use crate::stats::Counts;

/// The page's style sheet.
const STYLE: &str = include_str!("style.css");

/// Writes the page.
pub fn write(report: &Report, mut to: impl Write) -> io::Result<()> {
    let mut page = String::new();
    write_page(report, &mut page).map_err(io::Error::other)?;
    to.write_all(page.as_bytes())?;
    to.flush()
}

fn write_page(report: &Report, to: &mut String) -> fmt::Result {
    let title = Escaped(format!("rush {}: {}", report.run.scenario, report.judgement()));
    write!(
        to,
        "<!doctype html>\n\
         <html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <meta http-equiv=\"Content-Security-Policy\" \
         content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:\">\n\
         <link rel=\"icon\" href=\"data:,\">\n\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n",
    )?;
    judged::write_headline(report, to)?;
    write_tiles(report, to)?;
    judged::write_violations(report, to)?;
    over_time::write(&report.series, to)?;
    write_figures(report, to)?;
    judged::write_promises(report, to)?;
    write_run(report, to)?;
    write!(to, "</main>\n<footer>{}</footer>\n</body>\n</html>\n", Escaped(report.summary()))
}

/// The few figures that people look for first.
fn write_tiles(report: &Report, to: &mut String) -> fmt::Result {
    let all = &report.stats.all;
    let last = report.series.points.last().filter(|_| report.series.seats > 0);
    let sold = last.map(|last| (thousands(last.sold), report.series.seats));
    let tiles = [
        Some(("requests a second", rate(all.per_second), count(all.counts.all(), "request"))),
        Some(("p50", latency(all.latency.p50_us), "half waited no longer".to_owned())),
        Some(("p99", latency(all.latency.p99_us), "99 in 100 waited no longer".to_owned())),
        Some(("lost or failed", thousands(lost(&all.counts)), shares(&all.counts))),
        sold.map(|(sold, of)| ("seats sold", sold, format!("of {}", thousands(of)))),
    ];
    writeln!(to, "<dl class=\"tiles\">")?;
    for (name, figure, note) in tiles.iter().flatten() {
        writeln!(to, "<div><dt>{name}</dt><dd>{figure}<small>{note}</small></dd></div>")?;
    }
    writeln!(to, "</dl>")
}

const fn lost(counts: &Counts) -> u64 {
    counts.unknown + counts.fault
}

fn shares(counts: &Counts) -> String {
    format!("{} unknown, {} failed", thousands(counts.unknown), thousands(counts.fault))
}

fn write_figures(report: &Report, to: &mut String) -> fmt::Result {
    write!(
        to,
        "<section aria-labelledby=\"figures\">\n<h2 id=\"figures\">Figures</h2>\n\
         <p>Times run from when a request was meant to be sent to when its answer was read, \
         whatever the answer said.</p>\n",
    )?;
    ranges::write(&report.stats, to)?;
    write!(
        to,
        "<div class=\"scroll\" role=\"group\" aria-label=\"Figures as a table\" tabindex=\"0\">\n\
         <table>\n<thead><tr>",
    )?;
    for name in text::HEAD {
        write!(to, "<th scope=\"col\">{name}</th>")?;
    }
    writeln!(to, "</tr></thead>\n<tbody>")?;
    for [name, cells @ ..] in text::rows(report) {
        write!(to, "<tr><th scope=\"row\">{name}</th>")?;
        for cell in cells {
            write!(to, "<td>{cell}</td>")?;
        }
        writeln!(to, "</tr>")?;
    }
    writeln!(to, "</tbody>\n</table>\n</div>\n</section>")
}

fn write_run(report: &Report, to: &mut String) -> fmt::Result {
    let run = &report.run;
    let facts = [
        ("Scenario", run.scenario.clone()),
        ("Seed", run.seed.to_string()),
        ("Crowd", format!("{}, {}", count(u64::from(run.clients), "client"), run.pace())),
        ("Targets", run.targets.join(", ")),
        ("Server", run.server.clone().unwrap_or_default()),
        ("Took", format!("{:.1} s", run.seconds)),
        ("Started", run.started.clone()),
        ("Machine", report.machine.line()),
        ("Version", run.version.clone()),
    ];
    writeln!(to, "<section aria-labelledby=\"run\">\n<h2 id=\"run\">The run</h2>")?;
    writeln!(to, "<dl class=\"facts\">")?;
    for (name, fact) in facts.iter().filter(|(_, fact)| !fact.is_empty()) {
        writeln!(to, "<div><dt>{name}</dt><dd>{}</dd></div>", Escaped(fact))?;
    }
    writeln!(to, "</dl>\n</section>")
}
