//! Where a server keeps its data, and looking into it from outside.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context as _, ensure};
use poltrona_engine::store::postgres::Target;
use rusqlite::{Connection, OpenFlags};
use tokio_postgres::Client;

use crate::Bench;
use crate::engine::postgres::Database;
use crate::server::wait_until;

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

    /// Tells a command of the program where its data are. Nothing else configures it: no variable of
    /// ours, no file in the current folder.
    pub(crate) fn configure(&self, command: &mut Command) -> anyhow::Result<()> {
        command.env_clear();
        match self {
            Self::File(file) => {
                let folder = file.parent().context("a file is in a folder")?;
                command.arg("--data-dir").arg(folder).current_dir(folder);
            }
            Self::Database(database) => {
                command.envs(database.environment().iter().map(|(name, url)| (name, url)));
                command.current_dir("/");
            }
        }
        Ok(())
    }

    /// Fails, with the program's own words, where it refuses to be told of these data.
    pub(crate) fn check(&self, bench: &Bench) -> anyhow::Result<()> {
        let mut command = Command::new(&bench.program);
        command.args(["config", "check"]);
        self.configure(&mut command)?;
        let output = command.stdin(Stdio::null()).output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "the program refuses its settings: {}", said.trim());
        Ok(())
    }

    /// Opens it, to look only.
    pub(crate) async fn open(&self) -> anyhow::Result<Look> {
        Ok(match self {
            Self::File(file) => {
                let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
                Look::File(Connection::open_with_flags(file, flags)?)
            }
            Self::Database(database) => {
                Look::Database(Target::parse(database.url())?.connect().await?)
            }
        })
    }

    /// Waits until every event has been delivered and has had its effect: when the outbox is empty
    /// and the read models know of so many seats held.
    pub(crate) async fn settle(&self, held: usize) -> anyhow::Result<()> {
        let (look, held) = (self.open().await?, i64::try_from(held)?);
        wait_until("events are not delivered", async || {
            Ok(look.count("SELECT count(*) FROM outbox").await? == 0
                && look.count(HELD_BY_READ_MODELS).await? == held)
        })
        .await
    }
}

const HELD_BY_READ_MODELS: &str =
    "SELECT cast(coalesce(sum(held), 0) AS bigint) FROM session_stats";

/// An open connection to data.
pub(crate) enum Look {
    File(Connection),
    Database(Client),
}

impl Look {
    /// The one number that a query gives.
    pub(crate) async fn count(&self, sql: &str) -> anyhow::Result<i64> {
        match self {
            Self::File(file) => Ok(file.query_row(sql, (), |row| row.get(0))?),
            Self::Database(client) => {
                Ok(client.query_one(sql, &[]).await.context(sql.to_owned())?.try_get(0)?)
            }
        }
    }

    /// How many seats a row of `reservations` names, in SQL.
    pub(crate) const fn seats_named(&self) -> &'static str {
        match self {
            Self::File(_) => "1 + length(seat_nos) - length(replace(seat_nos, ',', ''))",
            Self::Database(_) => "cardinality(seat_nos)",
        }
    }
}
