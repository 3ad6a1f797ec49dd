//! Idempotency keys: what was asked under each, and the one answer that it may have.

use std::collections::HashMap;

use uuid::Uuid;

use super::{
    case::{About, Case, Ended},
    fact::{Fact, Outcome},
    names::digest,
    verdict::Promise,
};
use crate::history::{Action, Invoke, Micros};

/// A success under a key.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    fact: Fact,
    reservation: Option<Uuid>,
    sale: Option<Uuid>,
    hash: Option<u64>,
}

#[derive(Debug)]
struct Keyed {
    first: Micros,
    open: u32,
    unknown: bool,
    answer: Option<Box<Answer>>,
}

/// All keys that may have had an effect.
#[derive(Debug, Default)]
pub(super) struct Keys {
    known: HashMap<u128, Keyed>,
}

impl Keys {
    /// Notes a request, and tells when the first one with its key was sent.
    pub(super) fn invoked(&mut self, key: Option<u128>, at: Micros) -> Micros {
        let Some(key) = key else { return at };
        let keyed = self.known.entry(key).or_insert(Keyed {
            first: at,
            open: 0,
            unknown: false,
            answer: None,
        });
        keyed.open += 1;
        keyed.first
    }

    /// Whether it is known what the requests with this key did.
    pub(super) fn is_answered(&self, key: u128) -> bool {
        self.known.get(&key).is_some_and(|keyed| keyed.answer.is_some())
    }

    /// Notes an answer, and gives the earlier success under its key.
    fn ended(&mut self, ended: &Ended, answer: Answer) -> Option<Answer> {
        let key = ended.key?;
        let keyed = self.known.get_mut(&key)?;
        keyed.open -= 1;
        match ended.fact.outcome {
            Outcome::Ok => {
                let earlier = keyed.answer.as_deref().cloned();
                keyed.answer.get_or_insert_with(|| Box::new(answer));
                return earlier;
            }
            Outcome::Info => keyed.unknown = true,
            Outcome::Fail if keyed.open == 0 && !keyed.unknown && keyed.answer.is_none() => {
                self.known.remove(&key);
            }
            Outcome::Fail => {}
        }
        None
    }
}

impl Case {
    /// Holds an answer against the earlier success under its key, and tells whether it is about the
    /// same reservation and sale.
    pub(super) fn second_answer(&mut self, ended: &Ended) -> bool {
        let mut id = |text: &Option<String>| text.as_deref().map(|text| self.names.id(text));
        let answer = Answer {
            fact: ended.fact,
            reservation: id(&ended.done.reservation),
            sale: id(&ended.done.sale),
            hash: ended.done.hash,
        };
        let Some(earlier) = self.keys.ended(ended, answer.clone()) else { return false };
        self.findings.checked(Promise::C6);
        let difference = if differ(earlier.reservation, answer.reservation) {
            "two reservations"
        } else if differ(earlier.sale, answer.sale) {
            "two sales"
        } else if differ(earlier.hash, answer.hash) {
            "two different answers"
        } else {
            return true;
        };
        let agrees = !differ(earlier.reservation, answer.reservation);
        let key = ended.invoke.key.as_deref().unwrap_or_default();
        let what = format!("The key {key} of user {} had {difference}.", ended.invoke.user);
        let about = ended.seats.first().map_or(About::Nothing, |&seat| About::Seat(seat));
        let says = |answer: &Answer| {
            let part = |name: &str, id: Option<Uuid>| {
                id.map_or_else(String::new, |id| format!(" {name} {}", self.names.text(id)))
            };
            let reservation = part("reservation", answer.reservation);
            let sale = part("sale", answer.sale);
            let hash = answer.hash.map_or_else(String::new, |hash| format!(" body {hash:016x}"));
            format!("key {key}:{reservation}{sale}{hash}")
        };
        let evidence = [(earlier.fact, says(&earlier)), (answer.fact, says(&answer))];
        self.convict(Promise::C6, about, what, &evidence);
        agrees
    }
}

fn differ<T: Copy + PartialEq>(one: Option<T>, other: Option<T>) -> bool {
    one.zip(other).is_some_and(|(one, other)| one != other)
}

/// An idempotency key with its user and action, packed.
pub(super) fn name(invoke: &Invoke) -> Option<u128> {
    let changes = matches!(
        invoke.action,
        Action::Reserve | Action::Confirm | Action::Cancel | Action::Extend
    );
    let key = invoke.key.as_deref().filter(|_| changes)?;
    Some(digest((&invoke.user, key, invoke.action)))
}
