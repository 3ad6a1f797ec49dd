//! PostgreSQL: a server that many instances share.
//!
//! Each worker of the ledger has a connection of its own ([`Writer`]); [`Readers`] and [`Pool`] share
//! a few each. Nothing here trusts another instance: whatever a batch means to change, it locks first
//! and guards again when it writes.

mod ask;
mod chores;
mod fault;
mod load;
pub mod migrate;
mod pool;
mod read;
mod row;
mod safety;
mod save;
mod session;
mod target;
mod turn;
mod writer;

pub use fault::words;
pub use pool::{CHORE_CONNECTIONS, Pool, Readers};
pub use safety::{Unsafe, unsafe_settings};
pub use target::{Target, TargetError};
pub use turn::Turn;
pub use writer::Writer;

use crate::clock::Clock;
use crate::store::Error;

/// Why a server cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// It cannot be reached, or does not let us in.
    #[error("PostgreSQL: {0}")]
    Unreachable(String),
    /// It answers what this program does not understand.
    #[error(transparent)]
    Store(#[from] Error),
    /// It would lose what was acknowledged.
    #[error(transparent)]
    Unsafe(#[from] Unsafe),
    /// Its schema is not this program's.
    #[error(transparent)]
    Migrations(#[from] crate::store::migrations::Error),
}

/// Everything that reaches one server.
pub struct Opened {
    /// One for each worker of the ledger.
    pub writers: Vec<Writer>,
    /// For looking at things.
    pub readers: Readers,
    /// For what is written beside the commands.
    pub pool: Pool,
}

/// How a server is to be used.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// How many workers the ledger has.
    pub workers: usize,
    /// How many connections serve reads.
    pub read_connections: usize,
    /// Whether to apply the migrations that are missing.
    pub run_migrations: bool,
}

/// Checks that the server is safe to sell on and has this program's schema, and makes what reaches it.
/// Connections are opened when they are first needed.
pub async fn open(target: &Target, options: Options, clock: &Clock) -> Result<Opened, OpenError> {
    let unreachable = |error: &tokio_postgres::Error| OpenError::Unreachable(words(error));
    let mut client = target.connect().await.map_err(|error| unreachable(&error))?;
    safety::check(&client).await?;
    if options.run_migrations {
        migrate::up(&mut client).await?;
    }
    migrate::ready(&client).await?;
    // From here on this process's clock goes by the server's.
    let now = client.query_one(&format!("SELECT {}", row::NOW), &[]).await;
    clock.or_servers(row::time(&now.map_err(|error| unreachable(&error))?, 0)?);
    drop(client);
    let writers = (0..options.workers).map(|_| Writer::new(target, clock.clone()));
    let writers = writers.collect::<std::io::Result<_>>();
    Ok(Opened {
        writers: writers.map_err(|error| OpenError::Unreachable(error.to_string()))?,
        readers: Readers::new(target, options.read_connections, clock.clone()),
        pool: Pool::new(target),
    })
}

impl From<tokio_postgres::Error> for Error {
    fn from(error: tokio_postgres::Error) -> Self {
        fault::of(&error)
    }
}
