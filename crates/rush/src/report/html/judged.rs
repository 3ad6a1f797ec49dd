//! The verdict, as parts of the page.

use std::fmt::{self, Write as _};

use super::escape::Escaped;
use crate::report::figures::{count, thousands};
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
         first byte to its answer's last; the bars show them on one scale.</p>"
    )?;
    let shown = verdict.violations.len();
    for (place, violation) in verdict.violations.iter().enumerate() {
        if place == UNFOLDED {
            writeln!(to, "<details>\n<summary>{} more of them</summary>", shown - place)?;
        }
        write_violation(place + 1, violation, to)?;
    }
    if shown > UNFOLDED {
        writeln!(to, "</details>")?;
    }
    if verdict.untold > 0 {
        writeln!(to, "<p>… and {} more, not told in full.</p>", thousands(verdict.untold))?;
    }
    writeln!(to, "</section>")
}

fn write_violation(number: usize, violation: &Violation, to: &mut String) -> fmt::Result {
    writeln!(
        to,
        "<article>\n<h3><span class=\"badge\">{}</span> {number}. {}</h3>",
        Escaped(&violation.promise),
        Escaped(&violation.what),
    )?;
    let about = violation.about();
    if !about.is_empty() {
        writeln!(to, "<p class=\"about\">{}</p>", Escaped(about))?;
    }
    writeln!(to, "<ol class=\"evidence\">")?;
    let span = Span::of(&violation.evidence);
    for evidence in &violation.evidence {
        write_evidence(evidence, &span, to)?;
    }
    writeln!(to, "</ol>\n</article>")
}

fn write_evidence(evidence: &Evidence, span: &Span, to: &mut String) -> fmt::Result {
    let (from, width) = span.share(evidence);
    writeln!(
        to,
        "<li><span class=\"when\">{}</span> <b>{}</b>\n\
         <svg class=\"span\" aria-hidden=\"true\"><rect x=\"{from:.2}%\" width=\"{width:.2}%\" \
         height=\"100%\"/></svg>\n<span class=\"says\">{}</span> \
         <span class=\"by\">op {}, client {}, {}</span></li>",
        Escaped(evidence.when()),
        Escaped(evidence.exchange()),
        Escaped(&evidence.says),
        evidence.op,
        evidence.client,
        Escaped(&evidence.target),
    )
}

/// The time that some evidence is about.
struct Span {
    from: u64,
    until: u64,
}

impl Span {
    fn of(evidence: &[Evidence]) -> Self {
        let from = evidence.iter().map(|one| one.invoked_at).min().unwrap_or(0);
        let ends = evidence.iter().map(|one| one.answered_at.unwrap_or(one.invoked_at));
        Self { from, until: ends.max().unwrap_or(0).max(from + 1) }
    }

    /// Where the evidence begins and how long it is, in hundredths of the whole. One that is too
    /// short to be seen is drawn wider, and one in flight to the end.
    #[expect(clippy::cast_precision_loss, reason = "a picture is no finer")]
    fn share(&self, evidence: &Evidence) -> (f64, f64) {
        const LEAST: f64 = 0.8;
        let at =
            |moment: u64| (moment - self.from) as f64 * 100.0 / (self.until - self.from) as f64;
        let until = evidence.answered_at.unwrap_or(self.until);
        let from = at(evidence.invoked_at).min(100.0 - LEAST);
        (from, (at(until.max(evidence.invoked_at)) - from).max(LEAST))
    }
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
