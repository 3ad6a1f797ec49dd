//! Many holds that lapse at once: how late is each announced?
//!
//! A seat is free the moment its hold lapses, announced or not. What is measured is `reservation.expired`,
//! from the lapse that the buyer was promised to the line in the log that the relay writes when it
//! hands the event on.

use std::cell::RefCell;
use std::collections::HashMap;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use poltrona_domain::{SeatId, Timestamp};
use poltrona_engine::wire::parse_time;
use poltrona_testkit::wait::try_wait_for;
use serde::Deserialize;
use tokio::time::Instant;

use super::crowded;
use crate::census::Census;
use crate::client::Connection;
use crate::data::Data;
use crate::house::{self, House};
use crate::load::CLIENTS;
use crate::load::closed_loop;
use crate::report::{Spread, Table, Wanted, verdict};
use crate::requests::{Queue, reserve_group};
use crate::server::{Server, log_file};
use crate::setup::{PAUSE, Setup};
use crate::times::Times;

/// How many reservations.
const RESERVATIONS: usize = 2_000;
/// How many seats each has.
const GROUP: usize = 10;
/// From one reservation to the next: all are made within a second.
const STEP: Duration = Duration::from_micros(500);
/// How long all of them may take; the first must not lapse before the last is made.
const LIMIT: Duration = Duration::from_secs(4);
/// How many runs; each waits for the holds to lapse.
pub(super) const RUNS: u32 = 3;

/// When each reservation lapses, by its id.
type Promised = HashMap<String, Timestamp>;

/// The figures of a run; times in milliseconds, unless they say otherwise.
pub(super) struct Lateness {
    made_in_secs: f64,
    p50: f64,
    pub(super) p99: f64,
    most: f64,
    /// How many were decided, that is, committed, within 250 ms, of all.
    decided_in_time: f64,
}

pub(super) async fn run(setup: &Setup, house: &House) -> anyhow::Result<()> {
    let mut runs = Vec::new();
    for _ in 0..setup.runs.min(RUNS) {
        let data = house.copy(setup, "expiry")?;
        runs.push(lapse(setup, house, &data, 1).await?);
    }
    let mut table = table("expiry: 2,000 reservations of ten seats, made within a second, lapse");
    table.row(row(1, &runs));
    table.print();
    verdict("p99 of lateness, ms", p99(&runs), Wanted::AtMost(250.0));
    println!();
    let mut runs = Vec::new();
    for _ in 0..setup.runs.min(RUNS) {
        let data = house.copy(setup, "expiry")?;
        runs.push(crowded::lapse(setup, house, &data, 1).await?);
    }
    crowded::print("expiry: SQLite", &[(1, &runs)]);
    Ok(())
}

/// A table of lateness, with a row for each number of instances.
pub(super) fn table(title: &str) -> Table {
    Table::new(
        title,
        &[
            "instances",
            "made in s",
            "late: p50 ms",
            "p99 ms",
            "most ms",
            "committed within 250 ms, share",
        ],
    )
}

pub(super) fn row(instances: usize, runs: &[Lateness]) -> Vec<String> {
    let of = |value: fn(&Lateness) -> f64| Spread::of(runs, value).to_string();
    vec![
        instances.to_string(),
        of(|run| run.made_in_secs),
        of(|run| run.p50),
        of(|run| run.p99),
        of(|run| run.most),
        of(|run| run.decided_in_time),
    ]
}

pub(super) fn p99(runs: &[Lateness]) -> f64 {
    Spread::of(runs, |run| run.p99).median
}

/// Makes the reservations on data where all seats are free, and waits until all are announced to have
/// lapsed.
pub(super) async fn lapse(
    setup: &Setup,
    house: &House,
    data: &Data,
    instances: usize,
) -> anyhow::Result<Lateness> {
    let log = |instance| setup.folder.join(&format!("expiry-{instance}.log"));
    let logs: Vec<_> = (0..instances).map(log).collect();
    let flags = ["--hold-ttl=5s", "--log-format=json", "--log-level=warn,reservation=info"];
    let files = logs.iter().map(|log| log_file(log)).collect::<Result<_, _>>()?;
    let server = Server::instances(setup, data, &flags, files).await?;
    let (promised, made_in) = hold(&server, house).await?;
    let expired = r#"poltrona_commands_total{command="expire",outcome="done"}"#;
    try_wait_for("holds have lapsed", PAUSE, async || {
        let announced = server.metrics().await?.value(expired);
        anyhow::Ok(announced >= f64::from(u32::try_from(promised.len())?))
    })
    .await?;
    server.settle(0).await?;
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
    let lines = logs.iter().map(std::fs::read_to_string).collect::<Result<String, _>>()?;
    let mut late = lateness(&lines, &promised, data.is_shared())?;
    let in_time = metrics.value(r#"poltrona_expiry_lateness_seconds_bucket{le="0.25"}"#);
    Ok(Lateness {
        made_in_secs: made_in.as_secs_f64(),
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
        closed_loop(&server.addresses(), CLIENTS, LIMIT, &async |connection: &mut Connection| {
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

/// How late the logs tell of each lapse. Every one has to be announced: once, or, where messages may come
/// twice, at least once, and the first time counts.
fn lateness(lines: &str, promised: &Promised, again: bool) -> anyhow::Result<Times> {
    let mut announced = HashMap::new();
    for line in lines.lines() {
        let Ok(line) = serde_json::from_str::<Line>(line) else { continue };
        if line.message != "reservation.expired" {
            continue;
        }
        let id = line.reservation.context("a lapse is nobody's")?;
        let at = parse_time(&line.timestamp).context("timestamp")?;
        if let Some(first) = announced.insert(id.clone(), at) {
            ensure!(again, "a lapse was announced twice");
            announced.insert(id, first.min(at));
        }
    }
    let mut late = Times::default();
    for (id, expires_at) in promised {
        let announced = announced.remove(id).context("a lapse was not announced")?;
        ensure!(announced >= *expires_at, "a hold was ended before its time");
        late.add(expires_at.until(announced));
    }
    ensure!(announced.is_empty(), "{} lapses are nobody's", announced.len());
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
