//! Refusing early: what all instances know to be taken need not be asked of the database.
//!
//! The lock never decides. A yes comes from the ledger alone, and a no of the lock is one that the
//! database gave less than a second ago, and that a mark in Redis still agrees with. Whatever happens
//! to Redis, be it slow, away, wiped or wrong, costs speed and nothing else: every doubt is a question
//! to the database.

mod mark;
mod scripts;
pub mod probe;
mod recent;
mod mark_updater;
mod marks;
mod pending;
mod lock;
mod admission;

pub use admission::{Admission, SeatLock};
