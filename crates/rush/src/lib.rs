//! A load generator for ticket servers, and a judge of its histories.
//!
//! The crowd sends requests like people at an on-sale to any server with this API, and writes each
//! request and its answer into a [`history`]. The [`judge`] decides, from the history alone,
//! whether the server kept its promises. Neither depends on the server's inside, or on this
//! repository's other crates.
//!
//! Each module uses only those above it.

pub mod history;
pub mod client;
pub mod api;
pub mod stats;
pub mod scenario;
mod crowd;
pub mod census;
pub mod judge;
pub mod report;
pub mod progress;
pub mod args;
pub mod run;

pub use args::Args;
pub use run::{Exit, run};
