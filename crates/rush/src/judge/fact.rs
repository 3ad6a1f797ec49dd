//! One operation in the few bytes that a violation's evidence needs, so that many can be kept.

use crate::history::{Action, Completion, Invoke, Micros, Outcome};

/// One operation that ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fact {
    pub(super) op: u64,
    pub(super) invoked: Micros,
    pub(super) done: Micros,
    pub(super) client: u32,
    pub(super) target: u16,
    pub(super) status: u16,
    pub(super) action: Action,
    pub(super) outcome: Outcome,
}

impl Fact {
    pub(super) const fn new(invoke: &Invoke, done: &Completion, outcome: Outcome) -> Self {
        Self {
            op: invoke.op,
            invoked: invoke.at,
            done: done.at,
            client: invoke.client,
            target: invoke.target,
            status: done.status,
            action: invoke.action,
            outcome,
        }
    }
}
