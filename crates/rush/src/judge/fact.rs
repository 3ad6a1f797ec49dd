//! One operation, small enough to be kept: what a violation's evidence is made from.

use crate::history::{Action, Completion, Invoke, Micros};

/// How an operation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Ok,
    Fail,
    Info,
}

impl Outcome {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Fail => "fail",
            Self::Info => "info",
        }
    }
}

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
