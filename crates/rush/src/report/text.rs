//! A report for a terminal or a file: aligned columns, the violations with their evidence, and
//! [the run in one line](Report::summary) last.

use std::io::{self, Write};

use super::figures::{count, latency, rate, thousands};
use super::ids::Ids;
use super::json::Report;
use super::verdict::Verdict;
use crate::stats::Row;

/// The head of the table, whose first column is to the left and whose others are to the right.
pub(super) const HEAD: [&str; 12] = [
    "request", "count", "per s", "ok", "refused", "unknown", "failed", "p50", "p90", "p99",
    "p99.9", "max",
];

/// Writes the report.
pub fn write(report: &Report, mut to: impl Write) -> io::Result<()> {
    write_run(report, &mut to)?;
    writeln!(to)?;
    write_table(&rows(report), &mut to)?;
    writeln!(to)?;
    if let Some(last) = report.series.points.last().filter(|_| report.series.seats > 0) {
        let [all, sold, held, free] =
            [report.series.seats, last.sold, last.held, last.free].map(thousands);
        writeln!(to, "seats     {all} in all; at the end {sold} sold, {held} held, {free} free")?;
    }
    for note in &report.notes {
        writeln!(to, "note      {note}")?;
    }
    if let Some(verdict) = &report.verdict {
        write_verdict(verdict, &mut to)?;
    }
    writeln!(to, "{}", report.summary())?;
    to.flush()
}

fn write_run(report: &Report, to: &mut impl Write) -> io::Result<()> {
    let run = &report.run;
    writeln!(to, "rush      {}, seed {}, version {}", run.scenario, run.seed, run.version)?;
    writeln!(to, "crowd     {}, {}", count(u64::from(run.clients), "client"), run.pace())?;
    writeln!(to, "targets   {}", run.targets.join(", "))?;
    if let Some(server) = &run.server {
        writeln!(to, "server    {server}")?;
    }
    writeln!(to, "machine   {}", report.machine.line())?;
    if !run.started.is_empty() {
        writeln!(to, "started   {}", run.started)?;
    }
    Ok(())
}

/// The cells of the table, as every form of a report has it.
pub(super) fn rows(report: &Report) -> Vec<[String; HEAD.len()]> {
    let mut rows: Vec<_> =
        report.stats.actions.iter().map(|of| cells(of.action.verb().to_owned(), &of.row)).collect();
    rows.push(cells("all".to_owned(), &report.stats.all));
    rows
}

fn cells(name: String, row: &Row) -> [String; HEAD.len()] {
    let (counts, took) = (&row.counts, &row.latency);
    [
        name,
        thousands(counts.all()),
        rate(row.per_second),
        thousands(counts.ok),
        thousands(counts.refused),
        thousands(counts.unknown),
        thousands(counts.fault),
        latency(took.p50_us),
        latency(took.p90_us),
        latency(took.p99_us),
        latency(took.p999_us),
        latency(took.max_us),
    ]
}

fn write_table(rows: &[[String; HEAD.len()]], to: &mut impl Write) -> io::Result<()> {
    let head = HEAD.map(str::to_owned);
    let mut widths = [0; HEAD.len()];
    for row in rows.iter().chain([&head]) {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    for row in [&head].into_iter().chain(rows) {
        write!(to, "{:<width$}", row[0], width = widths[0])?;
        for (cell, width) in row.iter().zip(widths).skip(1) {
            write!(to, "  {cell:>width$}")?;
        }
        writeln!(to)?;
    }
    Ok(())
}

fn write_verdict(verdict: &Verdict, to: &mut impl Write) -> io::Result<()> {
    writeln!(
        to,
        "judged    {} ({} of unknown outcome) on {} in {}",
        count(verdict.operations, "operation"),
        thousands(verdict.unknown),
        count(verdict.seats, "seat"),
        count(verdict.sessions, "session"),
    )?;
    let longest = verdict.checks.iter().map(|check| check.question.chars().count()).max();
    let width = longest.unwrap_or(0);
    for check in &verdict.checks {
        let word = check.standing();
        let [checked, doubted] = [check.checked, check.doubted].map(thousands);
        write!(to, "  {word:7} {:2}  {:width$}", check.promise, check.question)?;
        write!(to, "  {checked} checked, {doubted} doubted")?;
        match check.violations {
            0 => writeln!(to)?,
            times => writeln!(to, ", {} violated", thousands(times))?,
        }
    }
    write_violations(verdict, to)?;
    if verdict.untold > 0 {
        writeln!(to, "\n… and {} more", thousands(verdict.untold))?;
    }
    writeln!(to)
}

/// Each violation and its evidence. Of ids, the last digits are shown: the whole are in the JSON.
fn write_violations(verdict: &Verdict, to: &mut impl Write) -> io::Result<()> {
    let ids = Ids::of(verdict);
    for (number, violation) in (1..).zip(&verdict.violations) {
        let what = ids.shorten(&violation.what);
        writeln!(to, "\nviolation {number} ({}): {what}", violation.promise)?;
        let about = ids.shorten(&violation.about());
        if !about.is_empty() {
            writeln!(to, "  {about}")?;
        }
        for evidence in &violation.evidence {
            writeln!(to, "  - {}", ids.shorten(&evidence.to_string()))?;
        }
    }
    Ok(())
}
