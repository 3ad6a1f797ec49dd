//! Decides from a history alone whether a server kept its promises.
//!
//! One pass: lines are put in order of time, each operation is held against what was surely and
//! what was possibly so while it ran, and what can no longer matter is forgotten. Memory grows with
//! the seats, with what is in flight or held, with sales, and with successes that had an
//! idempotency key, not with operations. A million operations took 140 MB, most of it for the
//! 65,536 lines held back for ordering; ten millions, half a million of them keyed successes, took
//! 400 MB.
//!
//! The judge convicts only of what no honest server could have answered. Whatever is in flight or
//! of unknown outcome may have happened or not, whichever excuses the server, and a verdict counts
//! how often that was its only excuse.

mod case;
mod claim;
mod fact;
mod keys;
mod linear;
mod names;
mod order;
mod pay;
mod reads;
mod reserve;
mod seat;
mod verdict;

use std::{fs::File, io::BufReader, path::Path};

use anyhow::Context as _;

pub use verdict::{Check, Evidence, Promise, Verdict, Violation};

use crate::history::{self, Line};

/// Judges a history. A last line that cannot be read is left out and told of in the verdict, for a
/// crowd that is killed leaves one behind; any other is an error.
pub fn judge(lines: impl Iterator<Item = anyhow::Result<Line>>) -> anyhow::Result<Verdict> {
    let mut case = case::Case::default();
    let mut order = order::Order::default();
    let mut lines = lines.peekable();
    let mut heard = false;
    while let Some(line) = lines.next() {
        match line {
            Err(_) if heard && lines.peek().is_none() => case.tear(),
            Err(error) => return Err(error),
            Ok(Line::Run(run)) => case.begin(run),
            Ok(Line::Session(session)) => case.open_session(&session),
            Ok(line) => {
                if let Some(line) = order.push(line)? {
                    case.hear(line)?;
                }
            }
        }
        heard = true;
    }
    while let Some(line) = order.pop() {
        case.hear(line)?;
    }
    Ok(case.close())
}

/// Judges the history kept in a file.
pub fn judge_file(path: &Path) -> anyhow::Result<Verdict> {
    let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    judge(history::read(BufReader::with_capacity(1 << 20, file)))
        .with_context(|| format!("cannot judge {}", path.display()))
}
