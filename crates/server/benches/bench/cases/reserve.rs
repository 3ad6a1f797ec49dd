//! Fresh seats, each reserved once.

mod syncs;

use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::ensure;
use poltrona_domain::SeatId;

use crate::census::Census;
use crate::client::Connection;
use crate::data::Data;
use crate::house::House;
use crate::load::{CLIENTS, RUSH};
use crate::load::{Measured, closed_loop, measure_warm};
use crate::report::{Spread, Table, Wanted, figure, verdict};
use crate::requests::Queue;
use crate::server::Server;
use crate::setup::Setup;
use syncs::Syncs;

/// The figures of a run.
pub(super) struct Reserved {
    pub(super) measured: Measured,
    /// Commits that waited for the disk, for each reservation.
    pub(super) commits: f64,
    /// Commands in a commit, on average.
    pub(super) batch: f64,
    /// How often a worker waited for the database's server, for each reservation.
    pub(super) round_trips: f64,
    /// From the last answer until all events were delivered; not measured when embedded.
    pub(super) settled_in: Duration,
    /// How many reservations were made in all, those to warm up included.
    pub(super) made: usize,
}

/// The seats, clients and instances of a run.
pub(super) struct Rush<'a> {
    pub(super) seats: &'a [SeatId],
    pub(super) clients: usize,
    pub(super) instances: usize,
    pub(super) flags: &'a [&'a str],
}

/// Reserves the seats in their order, on a copy of the house, and counts them afterwards.
pub(super) async fn reserve(
    setup: &Setup,
    house: &House,
    seats: &[SeatId],
    clients: usize,
    flags: &[&str],
) -> anyhow::Result<Reserved> {
    let data = house.copy(setup, "reserve")?;
    reserve_on(setup, &data, &Rush { seats, clients, instances: 1, flags }).await
}

/// Reserves the seats in their order, on data where all are free, and counts them afterwards.
pub(super) async fn reserve_on(
    setup: &Setup,
    data: &Data,
    rush: &Rush<'_>,
) -> anyhow::Result<Reserved> {
    let Rush { seats, clients, instances, flags } = *rush;
    let queue = Queue::of_seats(seats);
    let logs = (0..instances).map(|_| Stdio::null()).collect();
    let server = Server::instances(setup, data, flags, logs).await?;
    closed_loop(&server.addresses(), clients, setup.warm_up(), &one_each(&queue)).await?;
    let before = server.metrics().await?;
    let measured = measure_warm(&server, clients, setup.window, &one_each(&queue)).await?;
    let ended = Instant::now();
    let after = server.metrics().await?;
    let made = queue.taken();
    ensure!(made < seats.len(), "the seats ran out: choose fewer --seconds");
    if data.is_shared() {
        data.settle(made).await?;
    }
    let settled_in = ended.elapsed();
    let census = Census::of_singles(House::seat_count(), made, 0)?;
    Census::expect(&server.stop()?, &census)?;
    let grew = |series| after.since(&before, series);
    let reservations = grew(r#"poltrona_commands_total{command="reserve",outcome="done"}"#);
    Ok(Reserved {
        measured,
        commits: grew("poltrona_commits_total") / reservations,
        batch: grew("poltrona_batch_size_sum") / grew("poltrona_batch_size_count"),
        round_trips: grew("poltrona_ledger_round_trips_total") / reservations,
        settled_in,
        made,
    })
}

/// A call that reserves the next seat, which has to be free.
pub(super) fn one_each(queue: &Queue) -> impl AsyncFn(&mut Connection) -> anyhow::Result<bool> {
    async |connection: &mut Connection| {
        let Some((_, request)) = queue.take() else { return Ok(false) };
        connection.ask(request).await?.expect(201)?;
        Ok(true)
    }
}

pub(super) async fn run(setup: &Setup, house: &House) -> anyhow::Result<()> {
    let (scattered, hot) = (house.scattered(), house.hot());
    let rows = [
        ("scattered", &scattered, 1),
        ("scattered", &scattered, CLIENTS),
        ("scattered", &scattered, RUSH),
        ("one session at a time", &hot, CLIENTS),
    ];
    let mut runs: [Vec<Reserved>; 4] = Default::default();
    for _ in 0..setup.runs {
        for ((_, seats, clients), runs) in rows.iter().zip(&mut runs) {
            runs.push(reserve(setup, house, seats, *clients, &[]).await?);
        }
    }
    let mut table = Table::new(
        "reserve: fresh seats",
        &[
            "seats",
            "connections",
            "a second",
            "p50 ms",
            "p99 ms",
            "commits each",
            "in a commit",
            "server CPU µs",
            "client CPU µs",
        ],
    );
    for ((name, _, clients), runs) in rows.iter().zip(&runs) {
        let of = |value: fn(&Reserved) -> f64| Spread::of(runs, value).to_string();
        table.row(vec![
            (*name).to_owned(),
            clients.to_string(),
            of(|run| run.measured.rate),
            of(|run| run.measured.p50_ms),
            of(|run| run.measured.p99_ms),
            of(|run| run.commits),
            of(|run| run.batch),
            of(|run| run.measured.server_us),
            of(|run| run.measured.client_us),
        ]);
    }
    table.print();
    let [_, at_64, ..] = &runs;
    let median = |value: fn(&Reserved) -> f64| Spread::of(at_64, value).median;
    verdict("p99 at 64 connections, ms", median(|run| run.measured.p99_ms), Wanted::AtMost(15.0));
    verdict("commits for each, at 64", median(|run| run.commits), Wanted::AtMost(0.1));
    if setup.strace {
        count_syncs(setup, house, &scattered).await?;
    }
    println!();
    Ok(())
}

/// Counts fsyncs from outside. The tracer slows the server, so that nothing else is measured here.
async fn count_syncs(setup: &Setup, house: &House, seats: &[SeatId]) -> anyhow::Result<()> {
    let queue = Queue::of_seats(seats);
    let server = house.open(setup, "reserve", &[]).await?;
    let before = server.metrics().await?;
    let syncs = Syncs::trace(setup, &server)?;
    let ran = closed_loop(&server.addresses(), CLIENTS, setup.warm_up(), &one_each(&queue)).await?;
    let after = server.metrics().await?;
    let syncs = syncs.count()?;
    let census = Census::of_singles(House::seat_count(), queue.taken(), 0)?;
    Census::expect(&server.stop()?, &census)?;
    let each =
        |count: f64| figure(count / f64::from(u32::try_from(ran.times.count()).unwrap_or(1)));
    let commits = after.since(&before, "poltrona_commits_total");
    println!("- under strace, for each: {} commits, {} fsyncs", each(commits), each(syncs));
    Ok(())
}
