//! Everything that decides, keeps and announces: the ledger, the stores, the seat lock, the bus.
//!
//! It knows no HTTP, no command line and no configuration file; the program gives each part its settings.
//! The rules themselves are `poltrona_domain`'s.

pub mod bus;
pub mod clock;
pub mod envelope;
pub mod expiry;
pub mod failpoint;
pub mod ids;
pub mod ledger;
pub mod observe;
pub mod read_models;
pub mod relay;
pub mod retention;
pub mod seat_lock;
pub mod store;
pub mod wire;
