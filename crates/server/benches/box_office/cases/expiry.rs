//! Many holds that lapse at once: how late is each told?
//!
//! A seat is free the moment its hold lapses, told or not. What is measured is `reservation.expired`,
//! from the lapse that the buyer was promised to the line in the log that the relay writes when it
//! hands the event on.

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use poltrona::wire::parse_time;
use poltrona_domain::{SeatId, Timestamp};
use serde::Deserialize;
use tokio::time::Instant;

use super::CLIENTS;
use crate::Bench;
use crate::census::Census;
use crate::client::Connection;
use crate::house::{self, House};
use crate::load::{Times, closed_loop};
use crate::report::{Spread, Table, Wanted, verdict};
use crate::requests::{Queue, reserve_group};
use crate::server::{Server, log_file};

/// How many reservations.
const RESERVATIONS: usize = 2_000;
/// How many seats each has.
const GROUP: usize = 10;
/// From one reservation to the next: all are made within a second.
const STEP: Duration = Duration::from_micros(500);
/// How long all of them may take; the first must not lapse before the last is made.
const LIMIT: Duration = Duration::from_secs(4);
/// How many runs; each waits for the holds to lapse.
const RUNS: u32 = 3;

/// When each reservation lapses, by its id.
type Promised = HashMap<String, Timestamp>;

/// What a run came to.
struct Lateness {
    made_in: f64,
    p50: f64,
    p99: f64,
    most: f64,
    /// How many were decided, that is, committed, within 250 ms, of all.
    decided_in_time: f64,
}

pub(super) async fn run(bench: &Bench) -> anyhow::Result<()> {
    let mut runs = Vec::new();
    for _ in 0..bench.runs.min(RUNS) {
        runs.push(lapse(bench).await?);
    }
    let mut table = Table::new(
        "expiry: 2,000 reservations of ten seats, made within a second, lapse",
        &["made in s", "late: p50 ms", "p99 ms", "most ms", "committed within 250 ms, share"],
    );
    let of = |value: fn(&Lateness) -> f64| Spread::of(&runs, value);
    table.row(vec![
        of(|run| run.made_in).to_string(),
        of(|run| run.p50).to_string(),
        of(|run| run.p99).to_string(),
        of(|run| run.most).to_string(),
        of(|run| run.decided_in_time).to_string(),
    ]);
    table.print();
    verdict("p99 of lateness, ms", of(|run| run.p99).median, Wanted::AtMost(250.0));
    println!();
    Ok(())
}

async fn lapse(bench: &Bench) -> anyhow::Result<Lateness> {
    let house = bench.house().await?;
    let log = bench.folder.join("expiry.log");
    let data = house.copy(bench, "expiry")?;
    let flags = ["--hold-ttl=5s", "--log-format=json", "--log-level=warn,reservation=info"];
    let server = Server::poltrona_logging(bench, &data, &flags, log_file(&log)?).await?;
    let (promised, made_in) = hold(&server, house).await?;
    let expired = r#"poltrona_commands_total{command="expire",outcome="done"}"#;
    server
        .wait_until("holds have not lapsed", async || {
            let told = server.metrics().await?.value(expired);
            Ok(told >= f64::from(u32::try_from(promised.len())?))
        })
        .await?;
    server.settle().await?;
    let metrics = server.metrics().await?;
    let census = Census {
        free: House::seat_count(),
        held: 0,
        sold: 0,
        reservations: i64::try_from(RESERVATIONS)?,
        sales: 0,
    };
    // Stopping writes the last lines of the log.
    Census::expect(&server.stop()?, &census)?;
    let mut late = lateness(&log, &promised)?;
    let in_time = metrics.value(r#"poltrona_expiry_lateness_seconds_bucket{le="0.25"}"#);
    Ok(Lateness {
        made_in: made_in.as_secs_f64(),
        p50: late.millis_at(0.5),
        p99: late.millis_at(0.99),
        most: late.millis_at(1.0),
        decided_in_time: in_time / metrics.value("poltrona_expiry_lateness_seconds_count"),
    })
}

/// Makes the reservations, at their times; gives when each will lapse.
async fn hold(server: &Server, house: &House) -> anyhow::Result<(Promised, Duration)> {
    let seats: Vec<_> = house.seats().collect();
    let groups = seats.chunks(usize::from(house::SEATS)).flat_map(|row| row.chunks_exact(GROUP));
    let request = |(number, group): (usize, &[SeatId])| reserve_group(group, number);
    let queue = Queue::new(groups.take(RESERVATIONS).enumerate().map(request).collect());
    let promised = RefCell::new(Promised::new());
    let start = Instant::now();
    let ran =
        closed_loop(server.address(), CLIENTS, LIMIT, &async |connection: &mut Connection| {
            let Some((number, request)) = queue.take() else { return Ok(false) };
            tokio::time::sleep_until(start + STEP * u32::try_from(number)?).await;
            let answer = connection.ask(request).await?;
            answer.expect(201)?;
            let made: Made = serde_json::from_slice(answer.body)?;
            let expires_at = parse_time(&made.expires_at).context("expiresAt")?;
            promised.borrow_mut().insert(made.id, expires_at);
            Ok(true)
        })
        .await?;
    let made = ran.times.count();
    ensure!(made == RESERVATIONS, "{made} reservations in {LIMIT:?}: the machine is too slow");
    Ok((promised.into_inner(), ran.took))
}

/// How late the log tells of each lapse. Every one has to be told, once.
fn lateness(log: &Path, promised: &Promised) -> anyhow::Result<Times> {
    let mut late = Times::default();
    let mut left = promised.clone();
    for line in std::fs::read_to_string(log)?.lines() {
        let Ok(line) = serde_json::from_str::<Line>(line) else { continue };
        if line.message != "reservation.expired" {
            continue;
        }
        let expired = line.reservation.and_then(|id| left.remove(&id));
        let expires_at = expired.context("a lapse was told twice, or is nobody's")?;
        let told = parse_time(&line.timestamp).context("timestamp")?;
        ensure!(told >= expires_at, "a hold was ended before its time");
        late.add(expires_at.until(told));
    }
    ensure!(left.is_empty(), "{} lapses were not told", left.len());
    Ok(late)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Made {
    id: String,
    expires_at: String,
}

#[derive(Deserialize)]
struct Line {
    timestamp: String,
    message: String,
    reservation: Option<String>,
}
