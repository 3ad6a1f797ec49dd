//! A crowd in a box, and a judge that cannot be fooled.
//!
//! [`history`] is what passes between them: what the crowd asked and what it was told. The crowd
//! sends requests like people at an on-sale to any server with this API; the judge decides, from
//! the history alone, whether the server kept its promises. Neither knows anything of the server's
//! inside, or of this repository's other crates.

pub mod api;
pub mod args;
pub mod census;
pub mod client;
mod crowd;
pub mod history;
pub mod judge;
pub mod progress;
pub mod report;
pub mod run;
pub mod scenario;
pub mod stats;

pub use args::Args;
pub use run::{Exit, run};
