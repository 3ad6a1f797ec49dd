//! Decides from a history alone whether a server kept its promises. Writing the verdict for people
//! is left to [`report`](crate::report).
//!
//! One pass: lines are put in order of time, each answer is compared with the facts that were
//! surely or possibly true while its operation ran, and facts that can no longer matter are
//! forgotten. Memory grows with the seats, the operations in flight, the holds, the sales, and the
//! successes that had an idempotency key, not with operations. A million operations took 140 MB,
//! most of it for the 65,536 lines held back for ordering; ten millions, half a million of them
//! keyed successes, took 400 MB.
//!
//! The judge convicts only of answers that no honest server could have given. An operation in
//! flight or of unknown outcome may have happened or not, whichever excuses the server, and the
//! verdict counts how often that was the only excuse.

mod order;
mod names;
mod fact;
mod verdict;
mod claim;
mod seat;
mod keys;
mod linear;
mod case;
mod retry;
mod sample;
mod reserve;
mod pay;
mod reads;
mod trial;

pub use trial::{judge, judge_file};
pub use verdict::{Check, Evidence, Promise, Verdict, Violation};
