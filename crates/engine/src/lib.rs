//! Everything that decides, keeps and announces: the ledger, the stores, the seat lock, the bus.
//!
//! It knows no HTTP, no command line and no configuration file; the program gives each part its settings.
//! The rules themselves are `poltrona_domain`'s.
//!
//! The modules are in order, lowest first: each uses only those above it.

pub mod failpoint;
pub mod wire;
pub mod json;
pub mod text;
pub mod env;
pub mod backoff;
pub mod tls;
pub mod observe;
pub mod event;
pub mod store;
pub mod live;
pub mod ledger;
pub mod peers;
pub mod redis;
pub mod seat_lock;
pub mod expiry;
pub mod projection;
pub mod bus;
pub mod relay;
pub mod retention;
pub mod metering;
pub mod engine;
#[cfg(test)]
mod plans;

pub use engine::{Engine, Options, Running, StartError};
pub use env::Env;
