//! Where a story's data are: a folder that is thrown away, or a database that is.

mod server;

use std::path::PathBuf;

use poltrona::config::{Config, Secret};
use poltrona_engine::store::sqlite::folder::database_in;
use tempfile::TempDir;

use server::Server;
pub use server::connect;

/// The data of one story.
pub enum Place {
    /// A folder with a SQLite file.
    Folder(TempDir),
    /// A database on a PostgreSQL server.
    Server(Server),
}

/// Whether stories are told of the embedded store; with `TEST_STORE=postgres` they are not.
fn stories_are_embedded() -> bool {
    #[expect(clippy::disallowed_methods, reason = "the tests have no configuration but this")]
    let store = std::env::var("TEST_STORE").unwrap_or_default();
    match store.as_str() {
        "" | "sqlite" => true,
        "postgres" => false,
        other => panic!("TEST_STORE={other}: it is sqlite or postgres"),
    }
}

impl Place {
    /// A place of its own.
    pub async fn new() -> Self {
        if stories_are_embedded() { Self::folder() } else { Self::server().await }
    }

    /// A folder of its own, whatever the stories are told of.
    pub fn folder() -> Self {
        Self::Folder(tempfile::tempdir().expect("a temporary folder"))
    }

    /// A database of its own, whatever the stories are told of.
    pub async fn server() -> Self {
        Self::Server(Server::new().await)
    }

    /// The settings that lead here.
    pub fn config(&self) -> Config {
        match self {
            Self::Folder(folder) => Config::default_for_tests(folder.path()),
            Self::Server(server) => Config {
                port: 0,
                database_url: Some(Secret::new(server.url())),
                run_migrations: true,
                ..Config::default()
            },
        }
    }

    /// Whether the data are in a folder, and not on a server.
    pub const fn is_a_folder(&self) -> bool {
        matches!(self, Self::Folder(_))
    }

    /// The SQLite file.
    pub(super) fn file(&self) -> Option<PathBuf> {
        match self {
            Self::Folder(folder) => Some(database_in(folder.path())),
            Self::Server(_) => None,
        }
    }

    /// The server's database.
    pub(super) const fn database(&self) -> Option<&Server> {
        match self {
            Self::Folder(_) => None,
            Self::Server(server) => Some(server),
        }
    }
}
