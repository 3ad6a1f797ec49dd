//! The ledger: every change of a seat goes through here, many in one transaction.
//!
//! Commands queue. A worker takes whatever waits, loads the rows it is about, lets the rules
//! decide each in order, saves the outcome and commits once for all (natural batching): alone, a
//! command is a batch of one and waits for nobody; under load one fsync serves them all. Then it answers,
//! and publishes the commit to the [`feed`], which everything else follows.

pub mod error;
pub mod feed;
mod trace;
pub mod submission;
mod pace;
mod patience;
mod queue;
mod batch;
mod worker;
mod handle;

pub use error::Error;
pub use feed::{Commit, FEED_COMMITS, Feed};
pub use handle::{Ledger, Parts, PauseGuard, Settings, Workers};
pub use submission::{Key, Outcome, Reply, Request};
