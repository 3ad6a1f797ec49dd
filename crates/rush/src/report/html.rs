//! A report as one page that needs nothing else: no script, no font, no picture from elsewhere.
//!
//! The verdict comes first and large, then each violation with its evidence, the figures, and what
//! happened over time. The page says by its own policy that it loads nothing, so that a browser
//! enforces it; all text that a server may have had a say in is escaped.

use std::fmt::{self, Display, Write as _};
use std::io::{self, Write};

use super::figures::{count, latency, rate, thousands};
use super::{Report, text};
use crate::stats::Counts;

mod axis;
mod judged;
mod outline;
mod over_time;
mod plot;
mod ranges;

/// How the page looks.
const STYLE: &str = include_str!("html/style.css");

/// Writes the page.
pub fn write(report: &Report, mut to: impl Write) -> io::Result<()> {
    let mut page = String::new();
    write_page(report, &mut page).map_err(io::Error::other)?;
    to.write_all(page.as_bytes())?;
    to.flush()
}

/// Text that stays text, in an element as in a quoted attribute.
pub(super) struct Escaped<T>(pub(super) T);

impl<T: Display> Display for Escaped<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for letter in self.0.to_string().chars() {
            match letter {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                // No place for these in a page; a server that sends them may not break one.
                '\0'..='\x08' | '\x0b'..='\x1f' | '\x7f' => f.write_char('\u{fffd}')?,
                _ => f.write_char(letter)?,
            }
        }
        Ok(())
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_become_markup() {
        let text = "<script>\"a\" & 'b'</script>\0\u{7}\né";
        assert_eq!(
            Escaped(text).to_string(),
            "&lt;script&gt;&quot;a&quot; &amp; &#39;b&#39;&lt;/script&gt;\u{fffd}\u{fffd}\né"
        );
    }
}
