//! The store that was chosen, as one type.

use super::background::BackgroundWrite;
use super::error::Error;
use super::location::Location;
use super::options::Options;
use super::postgres::{self, ServerState, SweepLease};
use super::sqlite::{self, folder::Folder};
use super::writer::Writer;
use crate::env::Env;

/// The store: answers queries, and gives everything else that it has. Chosen once, at the start.
/// Cheap to clone.
#[derive(Clone)]
pub enum Store {
    /// A file.
    Sqlite {
        /// Connections for queries.
        readers: sqlite::Readers,
    },
    /// A server.
    Postgres {
        /// Connections for queries.
        readers: postgres::Readers,
        /// Connections for background writes.
        pool: postgres::Pool,
    },
}

/// Why a server cannot be relied on for changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// It does not answer: a query would be refused at once.
    Silent,
    /// It does not answer a COMMIT: its synchronous standbys are gone, or its disk stands still.
    NotCommitting,
    /// Several servers take writes.
    SeveralPrimaries,
}

/// A store that is open, in the parts that use it.
pub struct Opened {
    /// The store.
    pub store: Store,
    /// A writer for each worker of the ledger.
    pub writers: Vec<Writer>,
    /// The data folder, if the data are in one: it is unlocked, or deleted, when this is dropped, which
    /// is to be last.
    pub folder: Option<Folder>,
}

/// Why a store cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The data folder cannot be used.
    #[error(transparent)]
    Folder(#[from] sqlite::folder::Error),
    /// The file cannot be used.
    #[error("opening {file}: {error}")]
    File {
        /// Which file.
        file: String,
        /// Why.
        error: super::migrations::Error,
    },
    /// The server cannot be used.
    #[error(transparent)]
    Server(#[from] postgres::OpenError),
}

impl Store {
    /// Opens the store.
    pub async fn open(
        location: &Location,
        options: Options,
        env: &Env,
    ) -> Result<Opened, OpenError> {
        match location {
            Location::Folder(folder) => open_file(Folder::lock(folder)?, options, env),
            Location::Ephemeral => {
                open_file(Folder::ephemeral(&env.ids.fresh().to_string())?, options, env)
            }
            Location::Server(target) => {
                let postgres::Opened { writers, readers, pool } =
                    postgres::open(target, options, &env.clock).await?;
                let writers = writers.into_iter().map(Writer::Postgres).collect();
                Ok(Opened { store: Self::Postgres { readers, pool }, writers, folder: None })
            }
        }
    }

    /// Whether other instances use it too.
    pub const fn is_shared(&self) -> bool {
        matches!(self, Self::Postgres { .. })
    }

    /// The size of SQLite's write-ahead log, in bytes; `None` on a server.
    pub fn log_bytes(&self) -> Option<u64> {
        match self {
            Self::Sqlite { readers } => Some(readers.log_bytes()),
            Self::Postgres { .. } => None,
        }
    }

    /// Why nothing can be changed, as far as is known.
    pub fn trouble(&self) -> Option<Trouble> {
        let Self::Postgres { readers, .. } = self else { return None };
        let ServerState { silence, commits, primaries, .. } = &readers.target.state;
        if primaries.are_several() {
            Some(Trouble::SeveralPrimaries)
        } else if silence.refuses() {
            Some(Trouble::Silent)
        } else if commits.unanswered() > 0 {
            Some(Trouble::NotCommitting)
        } else {
            None
        }
    }

    /// Watches the hosts of a server that has several, for as long as it is polled.
    pub async fn watch_hosts(self) {
        if let Self::Postgres { readers, .. } = self {
            readers.watch_hosts().await;
        }
    }

    /// Runs a background write, and gives the number of rows of its subject that it touched; `None`
    /// when the store has only the ledger's writer.
    pub async fn write(&self, write: &BackgroundWrite) -> Option<Result<usize, Error>> {
        match self {
            Self::Sqlite { .. } => None,
            Self::Postgres { pool, .. } => Some(pool.run(write).await),
        }
    }

    /// Takes the lease under which one instance at a time sweeps; `None` when another has it, or when
    /// there is no other.
    pub async fn try_lease(&self) -> Result<Option<SweepLease>, Error> {
        match self {
            Self::Sqlite { .. } => Ok(None),
            Self::Postgres { pool, .. } => pool.try_lease().await,
        }
    }
}

fn open_file(folder: Folder, options: Options, env: &Env) -> Result<Opened, OpenError> {
    let file = folder.database();
    let opened = sqlite::open(&file, options.read_connections, env);
    let (writer, readers) =
        opened.map_err(|error| OpenError::File { file: file.display().to_string(), error })?;
    let writers = vec![Writer::Sqlite(writer)];
    Ok(Opened { store: Store::Sqlite { readers }, writers, folder: Some(folder) })
}
