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
use crate::house::House;
use crate::load::{CLIENTS, closed_loop};
use crate::report::{Measure, Sample, Section, label};
use crate::requests::{Queue, reserve_group};
use crate::server::{Server, log_file};
use crate::setup::{PAUSE, Side};
use crate::task::start_with_logs;
use crate::testbed::{Engines, Testbed};
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
const RUNS: u32 = 3;
const COLUMNS: [Measure; 5] = [
    Measure::MadeSecs,
    Measure::LateP50Ms,
    Measure::LateP99Ms,
    Measure::LateMostMs,
    Measure::InTime,
];

/// When each reservation lapses, by its id.
type Promised = HashMap<String, Timestamp>;

/// Measures both on these engines, with each number of instances. Each has the promises of the burst and of
/// the crowd.
pub(super) async fn run(
    testbed: &Testbed,
    case: &str,
    engines: Engines,
    instances: &[(usize, [&str; 2])],
) -> anyhow::Result<Vec<Section>> {
    let title =
        format!("2,000 reservations of ten seats, made within a second, lapse, {}", engines.name());
    let mut burst = Section::new(case, title, &COLUMNS).with_ratios(&[Measure::LateP99Ms]);
    let title = format!("Lapses while 64 people reserve as fast as they can, {}", engines.name());
    let mut crowd =
        Section::new(case, title, &crowded::COLUMNS).with_ratios(&[Measure::LatestSecs]);
    let labels = |instances: usize| [label("instances", instances)];
    for _ in 0..testbed.setup.runs.min(RUNS) {
        for &(instances, _) in instances {
            for side in &testbed.setup.programs() {
                let sample = lapse(testbed, side, engines, instances).await?;
                burst.add(&labels(instances), &side.name, sample);
                let sample = crowded::lapse(testbed, side, engines, instances).await?;
                crowd.add(&labels(instances), &side.name, sample);
            }
        }
    }
    for &(instances, [of_burst, of_crowd]) in instances {
        let labels = labels(instances);
        burst.judge(of_burst, burst.median(&labels, Measure::LateP99Ms));
        crowd.judge(of_crowd, crowd.median(&labels, Measure::LatestSecs));
    }
    Ok(vec![burst, crowd])
}

/// Makes the reservations on data where all seats are free, and waits until all are announced to have
/// lapsed.
async fn lapse(
    testbed: &Testbed,
    side: &Side,
    engines: Engines,
    instances: usize,
) -> anyhow::Result<Sample> {
    let house = House::LARGE;
    let data = testbed.fresh(side, engines, &house).await?;
    let log = |instance| testbed.setup.folder.join(&format!("expiry-{instance}.log"));
    let logs: Vec<_> = (0..instances).map(log).collect();
    let flags = ["--hold-ttl=5s", "--log-format=json", "--log-level=warn,reservation=info"];
    let files = logs.iter().map(|log| log_file(log)).collect::<Result<_, _>>()?;
    let server = start_with_logs(testbed, side, &data, &flags, files).await?;
    let (promised, made_in) = hold(&server, &house).await?;
    let expired = r#"poltrona_commands_total{command="expire",outcome="done"}"#;
    try_wait_for("holds have lapsed", PAUSE, async || {
        let announced = server.metrics().await?.value(expired);
        anyhow::Ok(announced >= f64::from(u32::try_from(promised.len())?))
    })
    .await?;
    data.settle([0; 3]).await?;
    let metrics = server.metrics().await?;
    // Stopping writes the last lines of the log.
    Census::of_lapsed(&house, RESERVATIONS).expect(&server.stop()?)?;
    data.expect_projections()?;
    let lines = logs.iter().map(std::fs::read_to_string).collect::<Result<String, _>>()?;
    let mut late = lateness(&lines, &promised, data.is_shared())?;
    let in_time = metrics.value(r#"poltrona_expiry_lateness_seconds_bucket{le="0.25"}"#);
    let lapses = metrics.value("poltrona_expiry_lateness_seconds_count");
    let mut sample = Sample::default();
    sample
        .add(Measure::MadeSecs, made_in.as_secs_f64())
        .add(Measure::LateP50Ms, late.millis_at(0.5))
        .add(Measure::LateP99Ms, late.millis_at(0.99))
        .add(Measure::LateMostMs, late.millis_at(1.0))
        .add(Measure::InTime, in_time / lapses);
    Ok(sample)
}

/// Makes the reservations, at their times; gives when each will lapse.
async fn hold(server: &Server, house: &House) -> anyhow::Result<(Promised, Duration)> {
    let needed = RESERVATIONS * GROUP;
    let seats: Vec<_> = house.in_order().take(needed).collect();
    let groups = seats.chunks(house.seats.into()).flat_map(|row| row.chunks_exact(GROUP));
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
