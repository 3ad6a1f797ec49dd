//! The house: many sessions with all their seats free, opened once and copied for each run, so that
//! every run begins with the same database.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, ensure};
use poltrona_domain::{SeatId, SeatNo, SessionId};
use tokio::sync::OnceCell;
use uuid::Uuid;

use crate::ceiling;
use crate::data::Data;
use crate::postgres::Postgres;
use crate::server::Server;
use crate::setup::Setup;

/// How many sessions the house has: enough seats for the fastest server, its warm-up included.
const SESSIONS: u16 = 1600;
/// How many seats each of them has.
pub(crate) const SEATS: u16 = 200;
/// The database with the house, in PostgreSQL.
pub(crate) const HOUSE: &str = "house";
/// And the ceiling's.
const CEILING: &str = "ceiling-house";

/// The house in either store, opened when it is first asked for.
#[derive(Default)]
pub(crate) struct Houses {
    in_files: OnceCell<House>,
    in_postgres: OnceCell<House>,
}

impl Houses {
    /// The house in SQLite.
    pub(crate) async fn in_files(&self, setup: &Setup) -> anyhow::Result<&House> {
        self.in_files.get_or_try_init(|| House::in_files(setup)).await
    }

    /// The house in a private PostgreSQL.
    pub(crate) async fn in_postgres(&self, setup: &Setup) -> anyhow::Result<&House> {
        self.in_postgres.get_or_try_init(|| House::in_postgres(setup)).await
    }
}

/// The house's databases, to be copied, and its seats.
pub(crate) struct House {
    templates: Templates,
    sessions: Vec<SessionId>,
}

/// The databases that are copied.
enum Templates {
    /// Files of SQLite: the data folder's, and the ceiling's.
    Files { house: PathBuf, ceiling: PathBuf },
    /// Databases of a PostgreSQL.
    Databases(Postgres),
}

impl House {
    /// Opens the sessions in SQLite, and lets their events be delivered.
    async fn in_files(setup: &Setup) -> anyhow::Result<Self> {
        let house = setup.folder.fresh("house")?.join("poltrona.db");
        let data = Data::File(house.clone());
        open_sessions(setup, &data).await?;
        let sessions = sessions_in(&data)?;
        // Read-only connections leave the log; the last one that can write removes it as it closes.
        let file = rusqlite::Connection::open(&house)?;
        file.query_row("SELECT count(*) FROM sessions", (), |_| Ok(()))?;
        file.close().map_err(|(_, error)| error)?;
        let ceiling = setup.folder.join("ceiling-house.db");
        ceiling::sqlite::prepare(&ceiling, seats_of(&sessions))?;
        Ok(Self { templates: Templates::Files { house, ceiling }, sessions })
    }

    /// Opens the sessions in a PostgreSQL of its own, and lets their events be delivered.
    async fn in_postgres(setup: &Setup) -> anyhow::Result<Self> {
        let postgres = Postgres::start(setup).await;
        let house = postgres.create(HOUSE);
        let data = Data::Database(house.clone());
        open_sessions(setup, &data).await?;
        // Otherwise every run would do this at its beginning, for all rows are new.
        data.open().column("VACUUM (FREEZE, ANALYZE)");
        let sessions = sessions_in(&data)?;
        let ceiling = postgres.create(CEILING);
        ceiling::postgres::prepare(&ceiling, seats_of(&sessions)).await?;
        for database in [house, ceiling] {
            postgres.wait_until_left(&database).await?;
        }
        Ok(Self { templates: Templates::Databases(postgres), sessions })
    }

    /// The engine that it is in.
    pub(crate) const fn store(&self) -> &'static str {
        match self.templates {
            Templates::Files { .. } => "SQLite",
            Templates::Databases(_) => "PostgreSQL",
        }
    }

    /// The PostgreSQL that it is in.
    pub(crate) fn postgres(&self) -> anyhow::Result<&Postgres> {
        match &self.templates {
            Templates::Files { .. } => anyhow::bail!("this house is in files"),
            Templates::Databases(postgres) => Ok(postgres),
        }
    }

    /// How many seats there are.
    pub(crate) const fn seat_count() -> i64 {
        SESSIONS as i64 * SEATS as i64
    }

    /// A session.
    pub(crate) fn first_session(&self) -> anyhow::Result<SessionId> {
        self.sessions.first().copied().context("the house has no session")
    }

    /// Every seat, session by session.
    pub(crate) fn seats(&self) -> impl Iterator<Item = SeatId> {
        seats_of(&self.sessions)
    }

    /// Every seat, in an order that jumps from session to session, and is always the same.
    pub(crate) fn scattered(&self) -> Vec<SeatId> {
        let mut seats: Vec<_> = self.seats().collect();
        seats.sort_by_cached_key(|seat| rapidhash::v3::rapidhash_v3(seat.as_uuid().as_bytes()));
        seats
    }

    /// Every seat, one session after the other, so that all clients want seats of one session.
    pub(crate) fn hot(&self) -> Vec<SeatId> {
        let mut seats = self.scattered();
        seats.sort_by_key(SeatId::session);
        seats
    }

    /// A fresh copy of the house.
    pub(crate) fn copy(&self, setup: &Setup, name: &str) -> anyhow::Result<Data> {
        match &self.templates {
            Templates::Files { house, .. } => {
                let data = setup.folder.fresh(name)?;
                for file in fs::read_dir(house.parent().context("a file is in a folder")?)? {
                    let file = file?;
                    copy(&file.path(), &data.join(file.file_name()))?;
                }
                Ok(Data::File(data.join("poltrona.db")))
            }
            Templates::Databases(postgres) => Ok(Data::Database(postgres.copy(HOUSE, name))),
        }
    }

    /// A server on a fresh copy of the house.
    pub(crate) async fn open(
        &self,
        setup: &Setup,
        name: &str,
        flags: &[&str],
    ) -> anyhow::Result<Server> {
        Server::poltrona(setup, &self.copy(setup, name)?, flags).await
    }

    /// The ceiling on a fresh copy of the same seats.
    pub(crate) async fn open_ceiling(&self, setup: &Setup, bytes: usize) -> anyhow::Result<Server> {
        let data = match &self.templates {
            Templates::Files { ceiling, .. } => {
                let file = setup.folder.fresh("ceiling")?.join("ceiling.db");
                copy(ceiling, &file)?;
                Data::File(file)
            }
            Templates::Databases(postgres) => Data::Database(postgres.copy(CEILING, "ceiling")),
        };
        Server::ceiling(&data, bytes).await
    }
}

/// Opens the sessions in a new database.
async fn open_sessions(setup: &Setup, data: &Data) -> anyhow::Result<()> {
    let mut command = Command::new(&setup.program);
    command.arg("seed").args(["--run-migrations", "--log-level=warn"]);
    command.arg("--sessions").arg(SESSIONS.to_string()).arg("--seats").arg(SEATS.to_string());
    data.configure(&mut command)?;
    let output = command.stdin(Stdio::null()).output()?;
    let stderr = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?}: {}", stderr.lines().last().unwrap_or(""));
    let server = Server::poltrona(setup, data, &[]).await?;
    server.settle(0).await?;
    server.stop()?;
    let sessions = data.open().count("SELECT count(*) FROM sessions");
    ensure!(sessions == i64::from(SESSIONS), "{sessions} sessions");
    Ok(())
}

fn seats_of(sessions: &[SessionId]) -> impl Iterator<Item = SeatId> {
    let numbers = || (1..=SEATS).filter_map(SeatNo::new);
    sessions.iter().flat_map(move |session| numbers().map(|no| session.seat(no)))
}

/// Copies a file, and flushes it to the disk: later writes would slow the run.
fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs::copy(from, to)?;
    Ok(fs::File::open(to)?.sync_all()?)
}

fn sessions_in(data: &Data) -> anyhow::Result<Vec<SessionId>> {
    let id = if data.is_shared() { "id" } else { "hex(id)" };
    let ids = data.open().column(&format!("SELECT {id} FROM sessions ORDER BY sessions.id"));
    let session = |id: &String| SessionId::from_uuid(Uuid::parse_str(id).ok()?);
    ids.iter().map(|id| session(id).with_context(|| format!("{id} is no session's"))).collect()
}
