//! SQLite, embedded: one writer, a few readers, and checkpoints off the writer's path.
//!
//! WAL with `synchronous=FULL`: a commit is on the disk before it is answered. The [`Writer`] is one
//! worker's of the ledger; [`Readers`] answer queries beside it; the data folder is locked for as long
//! as the store is open.

pub mod folder;
mod row;
mod read;
mod search;
#[cfg(test)]
pub(crate) mod traced;
mod connection;
mod checkpoint;
pub mod migrate;
mod readers;
mod queries;
mod background;
mod hot;
mod load;
mod save;
mod writer;

use std::path::Path;

pub use connection::{connect, connect_read_only};
pub use readers::Readers;
pub use writer::Writer;

use crate::env::Env;
use crate::store::migrations::Error as MigrationError;

/// Opens the database file for writing and brings its schema up to date.
pub fn open(
    file: &Path,
    read_connections: usize,
    env: &Env,
) -> Result<(Writer, Readers), MigrationError> {
    writer::open(file, read_connections, env)
}
