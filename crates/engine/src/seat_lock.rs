//! Early refusal: seats that were just found taken are refused without the database.
//!
//! The lock never decides. Only the ledger accepts a request, and the lock only repeats a refusal
//! that the database gave less than a second ago, while a mark in Redis agrees with it. A Redis
//! that is slow, away, wiped or wrong costs only speed: in any doubt the database is asked.

mod mark;
mod operation;
pub mod probe;
mod recent;
mod calls;
mod marks;
mod pending;
mod admission;

pub use admission::SeatLock;
