//! Idempotency keys: the requests under each, and its first success.

use std::collections::HashMap;

use uuid::Uuid;

use super::{fact::Fact, names::digest};
use crate::history::{Action, Invoke, Micros, Outcome};

/// An answer under a key.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) fact: Fact,
    pub(super) reservation: Option<Uuid>,
    pub(super) sale: Option<Uuid>,
    pub(super) hash: Option<u64>,
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
    /// Notes a request, and returns when the first one with its key was sent.
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

    /// Notes an answer, and returns the earlier success under its key.
    pub(super) fn ended(&mut self, key: Option<u128>, answer: Answer) -> Option<Answer> {
        let key = key?;
        let keyed = self.known.get_mut(&key)?;
        keyed.open -= 1;
        match answer.fact.outcome {
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

/// An idempotency key with its user and action, packed.
pub(super) fn name(invoke: &Invoke) -> Option<u128> {
    let changes = matches!(
        invoke.action,
        Action::Reserve | Action::Confirm | Action::Cancel | Action::Extend
    );
    let key = invoke.key.as_deref().filter(|_| changes)?;
    Some(digest((&invoke.user, key, invoke.action)))
}
