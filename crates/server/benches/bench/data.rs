//! The place of a server's data, and reading it from outside.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, ensure};
use poltrona_testkit::books;
use poltrona_testkit::sql::Connection;
use poltrona_testkit::wait::try_wait_for;

use crate::postgres::Database;
use crate::setup::PAUSE;

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

    /// Makes the program's tables.
    pub(crate) fn migrate(&self, program: &Path) -> anyhow::Result<()> {
        self.run(program, &["migrate", "up"])
    }

    /// Fails, with the program's own message, where it refuses these settings.
    pub(crate) fn check(&self, program: &Path) -> anyhow::Result<()> {
        self.run(program, &["config", "check"])
    }

    fn run(&self, program: &Path, arguments: &[&str]) -> anyhow::Result<()> {
        let mut command = Command::new(program);
        command.args(arguments);
        self.configure(&mut command)?;
        let output = command.stdin(Stdio::null()).output()?;
        let stderr = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{} {arguments:?}: {}", program.display(), stderr.trim());
        Ok(())
    }

    /// Opens it, for reading only.
    pub(crate) fn open(&self) -> Connection {
        match self {
            Self::File(file) => Connection::open(file),
            Self::Database(database) => Connection::connect(database.url()),
        }
    }

    /// Waits until every event has been delivered and has had its effect: until the outbox is empty and the
    /// tables for reports know of so many seats held and sold, and of so many sales.
    pub(crate) async fn settle(&self, [held, sold, sales]: [usize; 3]) -> anyhow::Result<()> {
        let database = self.open();
        let expected = [i64::try_from(held)?, i64::try_from(sold)?, i64::try_from(sales)?];
        // Below zero for a moment: an event may come before the one that it follows.
        let counted = |what: &str, table: &str| {
            let sum = format!("SELECT cast(coalesce(sum({what}), 0) AS bigint) FROM {table}");
            database.count(&sum)
        };
        try_wait_for("events are delivered", PAUSE, async || {
            let of_session = |what| counted(what, "session_stats");
            let known =
                || [of_session("held"), of_session("sold"), counted("sales", "sales_by_hour")];
            anyhow::Ok(books::undelivered(&database) == 0 && known() == expected)
        })
        .await
    }

    /// Fails where the tables for reports differ from a recount. Every event has to be delivered.
    pub(crate) fn expect_projections(&self) -> anyhow::Result<()> {
        let faults = books::projection_faults(&self.open());
        ensure!(faults.is_empty(), "{}", faults.join("; "));
        Ok(())
    }
}
