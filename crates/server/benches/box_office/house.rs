//! The house: many sessions with all their seats free, opened once and copied for each run, so that
//! every run begins with the same database.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};
use poltrona_domain::{SeatId, SeatNo, SessionId};
use rusqlite::Connection;
use uuid::Uuid;

use crate::Bench;
use crate::ceiling;
use crate::server::Server;

/// How many sessions the house has.
const SESSIONS: u16 = 800;
/// How many seats each of them has.
pub(crate) const SEATS: u16 = 200;

/// The house's databases, to be copied, and its seats.
pub(crate) struct House {
    template: PathBuf,
    ceiling: PathBuf,
    sessions: Vec<SessionId>,
}

impl House {
    /// Opens the sessions, and lets their events be delivered.
    pub(crate) async fn seed(bench: &Bench) -> anyhow::Result<Self> {
        let template = bench.folder.fresh("house")?;
        let mut command = Command::new(&bench.program);
        command.arg("seed").arg("--data-dir").arg(&template).env_clear().current_dir(&template);
        command.arg("--sessions").arg(SESSIONS.to_string()).arg("--seats").arg(SEATS.to_string());
        let output = command.arg("--log-level=warn").output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{command:?}: {}", said.lines().last().unwrap_or(""));
        let server = Server::poltrona(bench, &template, &[]).await?;
        server.settle().await?;
        let database = server.stop()?;
        let sessions = sessions(&database)?;
        ensure!(sessions.len() == usize::from(SESSIONS), "{} sessions", sessions.len());
        let ceiling = bench.folder.join("ceiling-house.db");
        let house = Self { template, ceiling, sessions };
        ceiling::prepare(&house.ceiling, house.seats())?;
        Ok(house)
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
        let numbers = || (1..=SEATS).filter_map(SeatNo::new);
        self.sessions.iter().flat_map(move |session| numbers().map(|no| session.seat(no)))
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

    /// A data folder with a fresh copy of the house.
    pub(crate) fn copy(&self, bench: &Bench, name: &str) -> anyhow::Result<PathBuf> {
        let data = bench.folder.fresh(name)?;
        for file in fs::read_dir(&self.template)? {
            let file = file?;
            copy(&file.path(), &data.join(file.file_name()))?;
        }
        Ok(data)
    }

    /// A server on a fresh copy of the house.
    pub(crate) async fn open(
        &self,
        bench: &Bench,
        name: &str,
        flags: &[&str],
    ) -> anyhow::Result<Server> {
        Server::poltrona(bench, &self.copy(bench, name)?, flags).await
    }

    /// The ceiling on a fresh copy of the same seats.
    pub(crate) async fn open_ceiling(&self, bench: &Bench, bytes: usize) -> anyhow::Result<Server> {
        let database = bench.folder.fresh("ceiling")?.join("ceiling.db");
        copy(&self.ceiling, &database)?;
        Server::ceiling(&database, bytes).await
    }
}

/// Copies a file, down to the disk: what is still to be written would be a load on the run.
fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs::copy(from, to)?;
    Ok(fs::File::open(to)?.sync_all()?)
}

fn sessions(database: &Path) -> anyhow::Result<Vec<SessionId>> {
    let database = Connection::open(database)?;
    let mut ids = database.prepare("SELECT id FROM sessions ORDER BY id")?;
    let ids = ids.query_map((), |row| row.get::<_, Vec<u8>>(0))?;
    ids.map(|id| SessionId::from_uuid(Uuid::from_slice(&id?)?).context("not a session's id"))
        .collect()
}
