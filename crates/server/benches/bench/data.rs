//! The place of a server's data, and reading it from outside.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context as _, ensure};
use poltrona_testkit::books;
use poltrona_testkit::sql::Connection;
use poltrona_testkit::wait::try_wait_for;

use crate::postgres::Database;
use crate::setup::{PAUSE, Setup};

/// Where a server keeps its data.
#[derive(Clone)]
pub(crate) enum Data {
    /// In a file of SQLite, whose folder is the program's data folder.
    File(PathBuf),
    /// In a database of a PostgreSQL, perhaps with more engines beside it.
    Database(Database),
}

impl Data {
    /// Whether several programs can use it at once.
    pub(crate) const fn is_shared(&self) -> bool {
        matches!(self, Self::Database(_))
    }

    /// Points a command of the program to these data. Nothing else configures it: no variable of
    /// ours, no file in the current folder.
    pub(crate) fn configure(&self, command: &mut Command) -> anyhow::Result<()> {
        command.env_clear();
        match self {
            Self::File(file) => {
                let folder = file.parent().context("a file is in a folder")?;
                command.arg("--data-dir").arg(folder).current_dir(folder);
            }
            Self::Database(database) => {
                command.envs(database.environment()).current_dir("/");
            }
        }
        Ok(())
    }

    /// Fails, with the program's own message, where it refuses these settings.
    pub(crate) fn check(&self, setup: &Setup) -> anyhow::Result<()> {
        let mut command = Command::new(&setup.program);
        command.args(["config", "check"]);
        self.configure(&mut command)?;
        let output = command.stdin(Stdio::null()).output()?;
        let stderr = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "the program refuses its settings: {}", stderr.trim());
        Ok(())
    }

    /// Opens it, for reading only.
    pub(crate) fn open(&self) -> Connection {
        match self {
            Self::File(file) => Connection::open(file),
            Self::Database(database) => Connection::connect(database.url()),
        }
    }

    /// Waits until every event has been delivered and has had its effect: when the outbox is empty
    /// and the tables for reports know of so many seats held.
    pub(crate) async fn settle(&self, held: usize) -> anyhow::Result<()> {
        let (database, held) = (self.open(), i64::try_from(held)?);
        try_wait_for("events are delivered", PAUSE, async || {
            Ok(books::undelivered(&database) == 0 && database.count(HELD_IN_REPORTS) == held)
        })
        .await
    }
}

const HELD_IN_REPORTS: &str = "SELECT cast(coalesce(sum(held), 0) AS bigint) FROM session_stats";
