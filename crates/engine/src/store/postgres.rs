//! PostgreSQL: a server that many instances share.
//!
//! Each worker of the ledger has a connection of its own ([`Writer`]); [`Readers`] and [`Pool`]
//! share a few each. Nothing here trusts another instance: a batch locks the rows that it means to
//! change, and guards them again when it writes.

mod fault;
mod silence;
mod timeline;
mod state;
mod target;
mod primaries;
mod row;
mod kept;
mod open_error;
mod safety;
pub mod migrate;
mod background;
mod pool;
mod lease;
mod read;
mod search;
mod queries;
mod sql;
mod save_sql;
mod session;
mod load;
mod save;
mod unanswered;
mod writer;
mod open;

pub use fault::words;
pub use kept::{POOLED, keeps_connections};
pub use lease::SweepLease;
pub use open::{Opened, open};
pub use open_error::{OpenError, Unsafe};
pub use pool::{BACKGROUND_CONNECTIONS, PING_CONNECTIONS, Pool, Readers};
pub use safety::unsafe_settings;
pub use state::ServerState;
pub use target::{Target, TargetError};
pub use writer::Writer;
