//! Access to Redis: one connection, and a circuit breaker around it.
//!
//! Callers bring their scripts, and must expect Redis to be slow, away, wiped or wrong.

mod connection;
mod breaker;

pub use breaker::{Breaker, CallError, Scripts, Settings};
pub use connection::{Connection, Server};
