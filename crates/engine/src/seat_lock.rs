//! Early refusal: seats that were just found taken are refused without the database.
//!
//! The lock never decides. Only the ledger accepts a request, and the lock only repeats a refusal of
//! the ledger's: embedded, while nothing has changed in the session; over a server, for less than a
//! second and while a mark in Redis agrees with it. A Redis that is slow, away, wiped or wrong costs
//! only speed: in any doubt the database is asked.

mod mark;
mod operation;
pub mod probe;
mod recent;
mod refusals;
mod calls;
mod marks;
mod pending;
mod admission;

pub use admission::SeatLock;
