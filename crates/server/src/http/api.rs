//! The handlers: one file a resource. Each extracts, calls the engine, and shapes the answer.

pub(super) mod health;
mod page;
pub(super) mod sessions;
pub(super) mod seats;
pub(super) mod reservations;
pub(super) mod payments;
pub(super) mod sales;
