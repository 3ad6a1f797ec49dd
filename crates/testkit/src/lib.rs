//! What the tests and benchmarks of every crate share. Never a dependency of the program.

#![allow(clippy::unwrap_used, clippy::missing_panics_doc, reason = "what fails here fails a test")]
#![allow(clippy::return_self_not_must_use, reason = "an answer that was checked may be dropped")]
#![allow(missing_docs, reason = "moved here as it was in the server's tests")]

pub mod module_order;
pub mod wait;
pub mod engines;
pub mod app;
pub mod client;
pub mod program;
