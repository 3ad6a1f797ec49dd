//! The house: many sessions with all their seats free, opened once and copied for each run, so that
//! every run begins with the same database.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, ensure};
use poltrona_domain::{SeatId, SeatNo, SessionId};
use poltrona_engine::store::postgres::Target;
use rusqlite::Connection;
use uuid::Uuid;

use crate::Bench;
use crate::ceiling;
use crate::data::Data;
use crate::engine::postgres::Postgres;
use crate::server::Server;

/// How many sessions the house has: enough seats for the fastest server, its warm-up included.
const SESSIONS: u16 = 1600;
/// How many seats each of them has.
pub(crate) const SEATS: u16 = 200;
/// The database with the house, in PostgreSQL.
pub(crate) const HOUSE: &str = "house";
/// And the ceiling's.
const CEILING: &str = "ceiling-house";

/// The house's databases, to be copied, and its seats.
pub(crate) struct House {
    templates: Templates,
    sessions: Vec<SessionId>,
}

/// What is copied.
enum Templates {
    /// Files of SQLite: the data folder's, and the ceiling's.
    Files { house: PathBuf, ceiling: PathBuf },
    /// Databases of a PostgreSQL.
    Databases(Postgres),
}

impl House {
    /// Opens the sessions in SQLite, and lets their events be delivered.
    pub(crate) async fn in_files(bench: &Bench) -> anyhow::Result<Self> {
        let house = bench.folder.fresh("house")?.join("poltrona.db");
        let data = Data::File(house.clone());
        open_sessions(bench, &data).await?;
        let sessions = sessions_in_file(&house)?;
        let ceiling = bench.folder.join("ceiling-house.db");
        ceiling::sqlite::prepare(&ceiling, seats_of(&sessions))?;
        Ok(Self { templates: Templates::Files { house, ceiling }, sessions })
    }

    /// The same in a PostgreSQL of its own.
    pub(crate) async fn in_postgres(bench: &Bench) -> anyhow::Result<Self> {
        let postgres = Postgres::start(bench).await?;
        let house = postgres.create(HOUSE).await?;
        open_sessions(bench, &Data::Database(house.clone())).await?;
        let sessions = {
            let client = Target::parse(house.url())?.connect().await?;
            // What every run would else do at its beginning, for all rows are new.
            client.batch_execute("VACUUM (FREEZE, ANALYZE)").await?;
            let rows = client.query("SELECT id FROM sessions ORDER BY id", &[]).await?;
            rows.iter().map(|row| session(row.try_get(0)?)).collect::<Result<Vec<_>, _>>()?
        };
        let ceiling = postgres.create(CEILING).await?;
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

    /// Every seat, one session after the other, so that all ask for the same.
    pub(crate) fn hot(&self) -> Vec<SeatId> {
        let mut seats = self.scattered();
        seats.sort_by_key(SeatId::session);
        seats
    }

    /// A fresh copy of the house.
    pub(crate) async fn copy(&self, bench: &Bench, name: &str) -> anyhow::Result<Data> {
        match &self.templates {
            Templates::Files { house, .. } => {
                let data = bench.folder.fresh(name)?;
                for file in fs::read_dir(house.parent().context("a file is in a folder")?)? {
                    let file = file?;
                    copy(&file.path(), &data.join(file.file_name()))?;
                }
                Ok(Data::File(data.join("poltrona.db")))
            }
            Templates::Databases(postgres) => Ok(Data::Database(postgres.copy(HOUSE, name).await?)),
        }
    }

    /// A server on a fresh copy of the house.
    pub(crate) async fn open(
        &self,
        bench: &Bench,
        name: &str,
        flags: &[&str],
    ) -> anyhow::Result<Server> {
        Server::poltrona(bench, &self.copy(bench, name).await?, flags).await
    }

    /// The ceiling on a fresh copy of the same seats.
    pub(crate) async fn open_ceiling(&self, bench: &Bench, bytes: usize) -> anyhow::Result<Server> {
        let data = match &self.templates {
            Templates::Files { ceiling, .. } => {
                let file = bench.folder.fresh("ceiling")?.join("ceiling.db");
                copy(ceiling, &file)?;
                Data::File(file)
            }
            Templates::Databases(postgres) => {
                Data::Database(postgres.copy(CEILING, "ceiling").await?)
            }
        };
        Server::ceiling(&data, bytes).await
    }
}

/// Opens the sessions in a new database.
async fn open_sessions(bench: &Bench, data: &Data) -> anyhow::Result<()> {
    let mut command = Command::new(&bench.program);
    command.arg("seed").args(["--run-migrations", "--log-level=warn"]);
    command.arg("--sessions").arg(SESSIONS.to_string()).arg("--seats").arg(SEATS.to_string());
    data.configure(&mut command)?;
    let output = command.stdin(Stdio::null()).output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?}: {}", said.lines().last().unwrap_or(""));
    let server = Server::poltrona(bench, data, &[]).await?;
    server.settle(0).await?;
    server.stop()?;
    let sessions = data.open().await?.count("SELECT count(*) FROM sessions").await?;
    ensure!(sessions == i64::from(SESSIONS), "{sessions} sessions");
    Ok(())
}

fn seats_of(sessions: &[SessionId]) -> impl Iterator<Item = SeatId> {
    let numbers = || (1..=SEATS).filter_map(SeatNo::new);
    sessions.iter().flat_map(move |session| numbers().map(|no| session.seat(no)))
}

/// Copies a file, down to the disk: what is still to be written would be a load on the run.
fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs::copy(from, to)?;
    Ok(fs::File::open(to)?.sync_all()?)
}

fn sessions_in_file(database: &Path) -> anyhow::Result<Vec<SessionId>> {
    let database = Connection::open(database)?;
    let mut ids = database.prepare("SELECT id FROM sessions ORDER BY id")?;
    let ids = ids.query_map((), |row| row.get::<_, Vec<u8>>(0))?;
    ids.map(|id| session(Uuid::from_slice(&id?)?)).collect()
}

fn session(id: Uuid) -> anyhow::Result<SessionId> {
    SessionId::from_uuid(id).context("not a session's id")
}
