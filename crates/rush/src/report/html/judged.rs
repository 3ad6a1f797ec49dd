//! The verdict, as parts of the page.

use std::fmt::{self, Write as _};

use super::escape::Escaped;
use super::timeline::Timeline;
use crate::report::figures::{count, maybe_latency, thousands};
use crate::report::ids::{Ids, Part};
use crate::report::json::Report;
use crate::report::verdict::{Check, Evidence, Verdict, Violation};

/// How many violations are shown at once; the others, often of one cause, unfold on demand.
const UNFOLDED: usize = 6;

/// The verdict, first and large.
pub(super) fn write_headline(report: &Report, to: &mut String) -> fmt::Result {
    let (class, mark, headline, lead) = match &report.verdict {
        None => ("open", "?", "Not judged".to_owned(), "Nobody checked the answers.".to_owned()),
        Some(verdict) if report.is_violated() => {
            let broken = verdict.checks.iter().filter(|check| check.violations > 0).count();
            let headline = count(verdict.violated(), "violation");
            ("broken", "✕", headline, lead(verdict, &format!("{broken} broken")))
        }
        Some(verdict) => ("kept", "✓", "0 violations".to_owned(), lead(verdict, "all kept")),
    };
    let run = &report.run;
    writeln!(
        to,
        "<header class=\"{class}\">\n\
         <p class=\"what\">rush <b>{}</b> · seed {} · {}</p>\n\
         <h1><span class=\"mark\" aria-hidden=\"true\">{mark}</span>{headline}</h1>\n\
         <p class=\"lead\">{}</p>",
        Escaped(&run.scenario),
        run.seed,
        Escaped(run.targets.join(", ")),
        Escaped(lead),
    )?;
    if !report.notes.is_empty() {
        writeln!(to, "<ul class=\"notes\">")?;
        for note in &report.notes {
            writeln!(to, "<li>{}</li>", Escaped(note))?;
        }
        writeln!(to, "</ul>")?;
    }
    writeln!(to, "</header>")
}

fn lead(verdict: &Verdict, end: &str) -> String {
    let tried = verdict.checks.iter().filter(|check| check.checked > 0).count() as u64;
    format!(
        "{} on {} judged by their answers alone; {} put to the test, {end}.",
        count(verdict.operations, "operation"),
        count(verdict.seats, "seat"),
        count(tried, "promise"),
    )
}

/// Each violation and the requests that show it.
pub(super) fn write_violations(report: &Report, to: &mut String) -> fmt::Result {
    let Some(verdict) = report.verdict.as_ref().filter(|verdict| verdict.violated() > 0) else {
        return Ok(());
    };
    writeln!(
        to,
        "<section aria-labelledby=\"violations\">\n<h2 id=\"violations\">Violations</h2>\n\
         <p>Each with the requests that show it. Times are seconds of the run, from a request's \
         first byte to its answer's last; the bars show them on one scale, and where they are \
         dotted, time is left out. Of an id the last digits are shown: pointing at it shows the \
         whole.</p>"
    )?;
    let ids = Ids::of(verdict);
    let shown = verdict.violations.len();
    for (place, violation) in verdict.violations.iter().enumerate() {
        if place == UNFOLDED {
            writeln!(to, "<details>\n<summary>{} more of them</summary>", shown - place)?;
        }
        write_violation(place + 1, violation, ids, to)?;
    }
    if shown > UNFOLDED {
        writeln!(to, "</details>")?;
    }
    if verdict.untold > 0 {
        writeln!(to, "<p>… and {} more, not told in full.</p>", thousands(verdict.untold))?;
    }
    writeln!(to, "</section>")
}

fn write_violation(number: usize, violation: &Violation, ids: Ids, to: &mut String) -> fmt::Result {
    let promise = Escaped(&violation.promise);
    write!(to, "<article>\n<h3><span class=\"badge\">{promise}</span> {number}. ")?;
    write_text(&violation.what, ids, to)?;
    writeln!(to, "</h3>")?;
    let about = violation.about();
    if !about.is_empty() {
        write!(to, "<p class=\"about\">")?;
        write_text(&about, ids, to)?;
        writeln!(to, "</p>")?;
    }
    writeln!(to, "<ol class=\"evidence\">")?;
    let timeline = Timeline::of(&violation.evidence);
    for evidence in &violation.evidence {
        write_evidence(evidence, &timeline, ids, to)?;
    }
    writeln!(to, "</ol>")?;
    timeline.write_scale(to)?;
    writeln!(to, "</article>")
}

/// A text in which each id is short, and whole for those who point at it.
fn write_text(text: &str, ids: Ids, to: &mut String) -> fmt::Result {
    for part in ids.parts(text) {
        match part {
            Part::Id { whole, end } if whole != end => {
                write!(to, "<abbr title=\"{whole}\">…{end}</abbr>")?;
            }
            Part::Id { whole: text, .. } | Part::Text(text) => write!(to, "{}", Escaped(text))?,
        }
    }
    Ok(())
}

fn write_evidence(
    evidence: &Evidence,
    timeline: &Timeline,
    ids: Ids,
    to: &mut String,
) -> fmt::Result {
    let took = evidence.answered_at.map(|at| at.saturating_sub(evidence.invoked_at));
    writeln!(
        to,
        "<li><span class=\"when\">{} · {}</span> <b>{}</b>",
        Escaped(evidence.when()),
        Escaped(maybe_latency(took)),
        Escaped(evidence.exchange()),
    )?;
    timeline.write_bar(evidence, to)?;
    write!(to, "<span class=\"says\">")?;
    write_text(&evidence.says, ids, to)?;
    writeln!(
        to,
        "</span> <span class=\"by\">op {}, client {}, {}</span></li>",
        evidence.op,
        evidence.client,
        Escaped(&evidence.target),
    )
}

/// Every promise and how it was tried.
pub(super) fn write_promises(report: &Report, to: &mut String) -> fmt::Result {
    let Some(verdict) = &report.verdict else { return Ok(()) };
    writeln!(
        to,
        "<section aria-labelledby=\"promises\">\n<h2 id=\"promises\">Promises</h2>\n\
         <p>What the answers were checked for. Where an outcome is unknown the server is given \
         the benefit of the doubt, and the doubt is counted: {} without a known outcome.</p>\n\
         <ul class=\"promises\">",
        count(verdict.unknown, "operation"),
    )?;
    for check in &verdict.checks {
        write_check(check, to)?;
    }
    writeln!(to, "</ul>\n</section>")
}

fn write_check(check: &Check, to: &mut String) -> fmt::Result {
    let standing = check.standing();
    write!(
        to,
        "<li class=\"{standing}\"><span class=\"badge\">{}</span> <span>{}</span> \
         <b>{standing}</b> <small>{} checked, {} doubted",
        Escaped(&check.promise),
        Escaped(&check.question),
        thousands(check.checked),
        thousands(check.doubted),
    )?;
    if check.violations > 0 {
        write!(to, ", {} violated", thousands(check.violations))?;
    }
    writeln!(to, "</small></li>")
}
