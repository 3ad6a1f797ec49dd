//! Redis, for whoever needs it: one connection, and a circuit breaker around it.
//!
//! What is asked of it is the asker's; that it may be slow, away, wiped or wrong is everyone's.

mod connection;
mod breaker;

pub use breaker::{Breaker, Call, CallError, Scripts, Settings};
pub use connection::{Connection, Server};
