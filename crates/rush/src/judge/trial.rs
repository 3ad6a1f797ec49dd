//! A trial: takes lines in the order of their times, and gives each answer to its checks.

use std::{fs::File, io::BufReader, path::Path};

use anyhow::Context as _;

use super::{
    case::{Case, Ended, Open},
    fact::Fact,
    keys,
    order::Order,
    verdict::Verdict,
};
use crate::history::{self, Action, Completion, Invoke, Line, Outcome};

/// Judges a history. A last line that cannot be read is left out and marks the verdict as torn, for
/// a crowd that is killed leaves one behind; any other is an error.
pub fn judge(lines: impl Iterator<Item = anyhow::Result<Line>>) -> anyhow::Result<Verdict> {
    let mut case = Case::default();
    let mut order = Order::default();
    let mut lines = lines.peekable();
    let mut begun = false;
    while let Some(line) = lines.next() {
        match line {
            Err(_) if begun && lines.peek().is_none() => case.torn = true,
            Err(error) => return Err(error),
            Ok(Line::Run(run)) => case.run = run,
            Ok(Line::Session(session)) => case.open_session(&session),
            Ok(line) => {
                if let Some(line) = order.push(line)? {
                    case.take(line)?;
                }
            }
        }
        begun = true;
    }
    while let Some(line) = order.pop() {
        case.take(line)?;
    }
    Ok(case.close())
}

/// Judges the history kept in a file.
pub fn judge_file(path: &Path) -> anyhow::Result<Verdict> {
    let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    judge(history::read(BufReader::with_capacity(1 << 20, file)))
        .with_context(|| format!("cannot judge {}", path.display()))
}

impl Case {
    /// Takes the next line, in the order of time.
    fn take(&mut self, line: Line) -> anyhow::Result<()> {
        match line {
            Line::Run(_) | Line::Session(_) => Ok(()),
            Line::Invoke(invoke) => {
                self.invoked(invoke);
                Ok(())
            }
            Line::Ok(done) => self.ended(done, Outcome::Ok),
            Line::Fail(done) => self.ended(done, Outcome::Fail),
            Line::Info(done) => self.ended(done, Outcome::Info),
        }
    }

    fn invoked(&mut self, invoke: Invoke) {
        self.forget(invoke.at);
        self.operations += 1;
        let key = keys::name(&invoke);
        let first = self.keys.invoked(key, invoke.at);
        let mut seats = self.seats_named(&invoke.seats);
        match invoke.action {
            Action::Reserve => {
                for &seat in &seats {
                    self.seats[seat as usize].asking += 1;
                }
            }
            Action::Confirm | Action::Cancel | Action::Extend => {
                self.about_claim_invoked(&invoke, &mut seats);
            }
            Action::Seats | Action::Reservation | Action::Sales => {}
        }
        if let Some(&seat) = seats.first() {
            self.shows[self.seats[seat as usize].session as usize].begun = true;
        }
        self.open.insert(invoke.op, Open { seats: seats.into(), first, key, invoke });
    }

    fn ended(&mut self, done: Completion, outcome: Outcome) -> anyhow::Result<()> {
        let Open { invoke, seats, first, key } = self.open.remove(&done.op).ok_or_else(|| {
            anyhow::anyhow!("operation {} was answered but never sent, or twice", done.op)
        })?;
        self.forget(done.at);
        self.unknown += u64::from(outcome == Outcome::Info);
        let fact = Fact::new(&invoke, &done, outcome);
        let mut ended = Ended { invoke, seats, first, key, done, fact, repeats: false };
        ended.repeats = self.second_answer(&ended);
        self.sample(&ended);
        match ended.invoke.action {
            Action::Reserve => self.reserve_ended(&ended),
            Action::Confirm => self.confirm_ended(&ended),
            Action::Cancel => self.cancel_ended(&ended),
            Action::Extend => self.extend_ended(&ended),
            _ if outcome != Outcome::Ok && ended.invoke.action != Action::Reservation => {}
            Action::Seats => self.map_read(&ended),
            Action::Reservation => self.reservation_read(&ended),
            Action::Sales => self.sales_read(&ended),
        }
        Ok(())
    }

    /// Ends the trial: what is still in flight has an unknown outcome.
    fn close(mut self) -> Verdict {
        let unknown = self.unknown + self.open.len() as u64;
        for open in std::mem::take(&mut self.open).into_values() {
            self.sample_unanswered(open);
        }
        self.search_samples();
        let (checks, violations, untold) = self.findings.close();
        Verdict {
            operations: self.operations,
            unknown,
            sessions: self.shows.len(),
            seats: self.seats.len(),
            torn: self.torn,
            checks,
            violations,
            untold,
        }
    }
}
