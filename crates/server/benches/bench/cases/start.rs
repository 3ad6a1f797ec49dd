//! The time and memory of a start, with a million seats and with an empty database.

mod million;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::ensure;
use poltrona_testkit::wait::try_wait_for;

use crate::census::Census;
use crate::client::Connection;
use crate::data::Data;
use crate::load::CLIENTS;
use crate::load::closed_loop;
use crate::report::{Spread, Table, Wanted, verdict};
use crate::requests;
use crate::server::Server;
use crate::setup::{PAUSE, Setup};

/// How long a server is idle before its memory at rest is measured.
const REST: Duration = Duration::from_secs(1);

/// The figures of a start.
struct Started {
    seconds: f64,
    /// Memory at the first answer.
    ready_mb: f64,
    /// Memory a moment later, when all holds are watched.
    rest_mb: f64,
    /// Memory after some traffic.
    used_mb: f64,
}

pub(super) async fn run(setup: &Setup) -> anyhow::Result<()> {
    let full = setup.folder.fresh("million")?;
    let full = migrated(setup, &full)?;
    let expected = million::fill(&full)?;
    let full = Data::File(full);
    let (mut empty_runs, mut full_runs) = (Vec::new(), Vec::new());
    for _ in 0..setup.runs {
        let empty = Data::File(setup.folder.fresh("empty")?.join("poltrona.db"));
        empty_runs.push(start(setup, &empty, 0).await?);
        full_runs.push(start(setup, &full, million::RESERVATIONS_HELD).await?);
    }
    Census::expect(&full, &expected)?;
    let mut table = Table::new(
        "start: from exec to the first 200 of /readyz, and memory",
        &["database", "ready in s", "MB when ready", "MB at rest", "MB after traffic"],
    );
    for (name, runs) in [("empty", &empty_runs), ("1,000,000 seats held or sold", &full_runs)] {
        let of = |value: fn(&Started) -> f64| Spread::of(runs, value).to_string();
        table.row(vec![
            name.to_owned(),
            of(|run| run.seconds),
            of(|run| run.ready_mb),
            of(|run| run.rest_mb),
            of(|run| run.used_mb),
        ]);
    }
    table.print();
    let median = |runs: &[Started], value: fn(&Started) -> f64| Spread::of(runs, value).median;
    let at_rest: fn(&Started) -> f64 = |run| run.rest_mb;
    verdict("start over a million, s", median(&full_runs, |run| run.seconds), Wanted::AtMost(1.0));
    verdict("memory with a million, MB", median(&full_runs, at_rest), Wanted::AtMost(250.0));
    verdict("memory at rest, MB", median(&empty_runs, at_rest), Wanted::AtMost(30.0));
    println!();
    Ok(())
}

/// Makes a data folder's database with the program's own tables.
fn migrated(setup: &Setup, data: &Path) -> anyhow::Result<PathBuf> {
    let mut command = Command::new(&setup.program);
    command.args(["migrate", "up", "--data-dir"]).arg(data).env_clear().current_dir(data);
    let output = command.output()?;
    ensure!(output.status.success(), "{command:?}: {output:?}");
    Ok(data.join("poltrona.db"))
}

/// Starts, measures, and stops. `holds`: how many reservations the server has to watch.
async fn start(setup: &Setup, data: &Data, holds: u32) -> anyhow::Result<Started> {
    let server = Server::poltrona(setup, data, &[]).await?;
    let ready_mb = server.resident_mb()?;
    try_wait_for("holds are watched", PAUSE, async || {
        anyhow::Ok(server.metrics().await?.value("poltrona_holds_watched") >= f64::from(holds))
    })
    .await?;
    tokio::time::sleep(REST).await;
    let rest_mb = server.resident_mb()?;
    let request = requests::get("/sessions?limit=1");
    closed_loop(
        &server.addresses(),
        CLIENTS,
        setup.warm_up() / 2,
        &async |connection: &mut Connection| {
            connection.ask(&request).await?.expect(200)?;
            Ok(true)
        },
    )
    .await?;
    let used_mb = server.resident_mb()?;
    let seconds = server.started_in().as_secs_f64();
    server.stop()?;
    Ok(Started { seconds, ready_mb, rest_mb, used_mb })
}
