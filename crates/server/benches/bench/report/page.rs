//! The tables in docs/performance.md, made of docs/performance.json, so that the page never differs from
//! what was printed.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};

use super::promises::PROMISES;
use super::record::{Measured, Record};
use super::spread::figure;

/// The end of each table on the page; `<!-- CASE -->` begins it.
const END: &str = "<!-- / -->";
/// The mark of the table of promises.
const PROMISED: &str = "promises";

/// Puts a record's cases in place of those on the page and in the file beside it.
pub(crate) fn write_page(record: &Record) -> anyhow::Result<()> {
    let (page, file) = (docs("performance.md"), docs("performance.json"));
    let mut kept = Record::read(&file)?;
    kept.replace(record);
    kept.write(&file)?;
    let text = fs::read_to_string(&page)?;
    fs::write(page, render(&text, &kept)?)?;
    Ok(())
}

/// Fails when the page differs from the file beside it.
pub(crate) fn check_page() -> anyhow::Result<()> {
    let text = fs::read_to_string(docs("performance.md"))?;
    let rendered = render(&text, &Record::read(&docs("performance.json"))?)?;
    ensure!(
        text == rendered,
        "docs/performance.md differs from docs/performance.json: measure with `just bench --write`"
    );
    Ok(())
}

fn docs(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(name)
}

/// The page, with each marked part made anew. A case of which the record has no runs stays as it is.
fn render(page: &str, record: &Record) -> anyhow::Result<String> {
    let mut rendered = String::new();
    let mut rest = page;
    while let Some((before, after)) = rest.split_once("<!-- ") {
        let (name, after) = after.split_once(" -->").context("a mark has no end")?;
        let (old, after) = after.split_once(END).context("a table has no end")?;
        let new = match name {
            PROMISED => Some(promises(record)),
            case => tables(record, case),
        };
        let body = new.unwrap_or_else(|| old.trim().to_owned());
        // Writing to a string cannot fail.
        let _ = write!(rendered, "{before}<!-- {name} -->\n\n{}\n\n{END}", body.trim());
        rest = after;
    }
    Ok(rendered + rest)
}

/// The sections of a case, and a line about what they were measured with.
fn tables(record: &Record, case: &str) -> Option<String> {
    let measured: Vec<_> =
        record.of_case(case).filter(|measured| !measured.section.series.is_empty()).collect();
    let about = about(measured.last()?);
    let tables: String = measured.iter().map(|measured| measured.section.to_string()).collect();
    Some(format!("{}\n\n{about}", tables.trim()))
}

fn about(measured: &Measured) -> String {
    let Measured { at, machine, programs, settings, .. } = measured;
    let program = programs.first();
    let version = program.map_or("", |program| &program.version);
    let commit = program.and_then(|program| program.commit.as_deref());
    let commit = commit.map(|commit| format!(" at {commit}")).unwrap_or_default();
    let (date, runs, seconds) = (at.get(..10).unwrap_or(at), settings.runs, settings.seconds);
    let machine = machine.summary();
    format!("*{version}{commit}, {date}; {runs} runs of {seconds} s; {machine}*")
}

/// All promises, with the figures that were measured last.
fn promises(record: &Record) -> String {
    let mut text =
        "| measure | against | reach | aim | today | |\n|---|---|---|---|---|---|\n".to_owned();
    for promise in PROMISES {
        let found = record.found(promise.id);
        let today = found.map_or_else(|| "not measured".to_owned(), figure);
        let verdict = found.map(|value| promise.verdict(value)).unwrap_or_default();
        let (what, against) = (promise.what, promise.against);
        let (reach, aim) = (promise.reach(), promise.aim());
        let _ = writeln!(text, "| {what} | {against} | {reach} | {aim} | {today} | {verdict} |");
    }
    text
}
