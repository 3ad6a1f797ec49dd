//! Checks of whole seats (C8): collects the steps of seats with few of them, and searches at the end
//! for an order. Seats that another check has convicted are left out.

use super::{
    case::{About, Case, Ended, Open},
    fact::Fact,
    linear::{Step, fits},
    verdict::Promise,
};
use crate::history::{Action, Completion, Micros, Outcome};

impl Case {
    /// Notes an operation that changes seats, or might have.
    pub(super) fn sample(&mut self, ended: &Ended) {
        let fact = ended.fact;
        let about = match (fact.action, fact.outcome) {
            (Action::Confirm, Outcome::Fail) => matches!(fact.status, 404 | 410),
            (Action::Seats | Action::Reservation | Action::Sales, _)
            | (Action::Cancel | Action::Extend, Outcome::Fail) => false,
            _ => !ended.repeats,
        };
        if !about {
            return;
        }
        let asked = ended.invoke.reservation.as_deref().or(ended.done.reservation.as_deref());
        let step = Step {
            fact,
            first: ended.first,
            reservation: asked.map(|id| self.names.id(id)),
            hold: ended.done.hold_ms.map(|hold| hold * 1_000),
            telling: ended.seats.len() == 1 && ended.refuses_seats(),
        };
        for &seat in &ended.seats {
            self.samples.note(seat, &step);
        }
    }

    /// Notes an operation that was in flight when the history ended.
    pub(super) fn sample_unanswered(&mut self, open: Open) {
        let Open { invoke, seats, first, key } = open;
        let done = Completion { op: invoke.op, at: Micros::MAX, ..Completion::default() };
        let fact = Fact::new(&invoke, &done, Outcome::Info);
        self.sample(&Ended { invoke, seats, first, key, done, fact, repeats: false });
    }

    /// Searches the seats that were watched.
    pub(super) fn search_samples(&mut self) {
        for (seat, steps) in self.samples.take() {
            if self.convicted.contains(&seat) {
                continue;
            }
            self.findings.checked(Promise::C8);
            match fits(&steps) {
                Some(true) => {}
                None => self.findings.doubted(Promise::C8),
                Some(false) => {
                    let what = format!(
                        "The answers about {} fit into no order in which a seat is free, held or \
                         sold.",
                        self.seat_name(seat)
                    );
                    let says = |step: &Step| {
                        step.reservation.map_or_else(String::new, |id| {
                            format!("reservation {}", self.names.text(id))
                        })
                    };
                    let evidence: Vec<_> = steps.iter().map(|s| (s.fact, says(s))).collect();
                    self.convict(Promise::C8, About::Seat(seat), what, &evidence);
                }
            }
        }
    }
}
