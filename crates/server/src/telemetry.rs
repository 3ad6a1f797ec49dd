//! Log lines on stderr, and traces to a [`collector`].
//!
//! Owns the two forms of a line, for people
//! ([`LogFormat::Pretty`](crate::config::LogFormat::Pretty)) and for machines
//! ([`LogFormat::Json`](crate::config::LogFormat::Json)), and how lines are written.

mod badge;
mod fields;
mod entry;
mod json;
mod pretty;
mod layer;
mod log;
pub mod collector;

pub use log::{Telemetry, init};
