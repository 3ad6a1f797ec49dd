//! One instance over a PostgreSQL alone: the cases that SQLite has, and the server's own counters.

use poltrona_domain::SeatId;

use super::reserve::{Reserved, Rush, reserve_on};
use super::{batching, ceiling, lone, purchase};
use crate::data::Data;
use crate::house::{HOUSE, House};
use crate::load::{CLIENTS, RUSH};
use crate::report::{Spread, Table, Wanted, as_f64, verdict};
use crate::setup::Setup;

/// The figures of a run.
struct Run {
    reserved: Reserved,
    /// Fsyncs of the server, for each reservation.
    syncs: f64,
    /// Which share of the updates of seats touched no index.
    hot: f64,
}

pub(super) async fn run(setup: &Setup, house: &House) -> anyhow::Result<()> {
    reservations(setup, house).await?;
    batching::run(setup, house, 4.0).await?;
    ceiling::run(setup, house, 0.65).await?;
    purchase::run(setup, house).await?;
    lone::run(setup, house).await
}

async fn reservations(setup: &Setup, house: &House) -> anyhow::Result<()> {
    let (scattered, hot) = (house.scattered(), house.hot());
    let rows = [
        ("scattered", &scattered, CLIENTS),
        ("scattered", &scattered, RUSH),
        ("one session at a time", &hot, CLIENTS),
        ("one session at a time", &hot, RUSH),
    ];
    let mut runs: [Vec<Run>; 4] = Default::default();
    for _ in 0..setup.runs {
        for ((_, seats, clients), runs) in rows.iter().zip(&mut runs) {
            runs.push(reserve(setup, house, seats, *clients).await?);
        }
    }
    let mut table = Table::new(
        "postgres: fresh seats",
        &[
            "seats",
            "connections",
            "a second",
            "p50 ms",
            "p99 ms",
            "in a commit",
            "round trips each",
            "fsyncs each",
            "HOT share",
            "server CPU µs",
            "client CPU µs",
        ],
    );
    for ((name, _, clients), runs) in rows.iter().zip(&runs) {
        let of = |value: fn(&Run) -> f64| Spread::of(runs, value).to_string();
        table.row(vec![
            (*name).to_owned(),
            clients.to_string(),
            of(|run| run.reserved.measured.rate),
            of(|run| run.reserved.measured.p50_ms),
            of(|run| run.reserved.measured.p99_ms),
            of(|run| run.reserved.batch),
            of(|run| run.reserved.round_trips),
            of(|run| run.syncs),
            of(|run| run.hot),
            of(|run| run.reserved.measured.server_us),
            of(|run| run.reserved.measured.client_us),
        ]);
    }
    table.print();
    judge(&runs);
    Ok(())
}

fn judge([at_64, at_256, hot_at_64, hot_at_256]: &[Vec<Run>; 4]) {
    let median = |runs: &[Run], value: fn(&Run) -> f64| Spread::of(runs, value).median;
    let p99_ms = |runs| median(runs, |run| run.reserved.measured.p99_ms);
    let round_trips = |runs| median(runs, |run| run.reserved.round_trips);
    verdict("p99 at 64 connections, ms", p99_ms(at_64), Wanted::AtMost(15.0));
    verdict("round trips for each, at 64", round_trips(at_64), Wanted::AtMost(0.2));
    verdict("round trips for each, at 256", round_trips(at_256), Wanted::AtMost(0.06));
    let syncs = median(at_256, |run| run.syncs);
    verdict("fsyncs for each, at 256", syncs, Wanted::AtMost(0.1));
    let hot = |runs| median(runs, |run| run.hot);
    verdict("HOT share, scattered", hot(at_64).min(hot(at_256)), Wanted::AtLeast(0.9));
    let one_session = hot(hot_at_64).min(hot(hot_at_256));
    verdict("HOT share, one session at a time", one_session, Wanted::AtLeast(0.9));
    println!();
}

async fn reserve(
    setup: &Setup,
    house: &House,
    seats: &[SeatId],
    clients: usize,
) -> anyhow::Result<Run> {
    let postgres = house.postgres()?;
    let database = postgres.copy(HOUSE, "reserve");
    let syncs_before = postgres.syncs();
    let rush = Rush { seats, clients, instances: 1, flags: &[] };
    let reserved = reserve_on(setup, &Data::Database(database.clone()), &rush).await?;
    let done = postgres.done(&database).await?;
    let syncs = postgres.syncs() - syncs_before;
    let made = i64::try_from(reserved.made)?;
    Ok(Run {
        syncs: as_f64(syncs) / as_f64(made),
        hot: as_f64(done.seats_hot) / as_f64(done.seats_updated),
        reserved,
    })
}
