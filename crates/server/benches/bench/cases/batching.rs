//! The gain of sharing commits: reservations with it and without.

use super::reserve::{Reserved, reserve};
use crate::house::House;
use crate::load::CLIENTS;
use crate::report::{Spread, Table, Wanted, verdict};
use crate::setup::Setup;

/// `wanted`: how many times as fast shared commits should be.
pub(super) async fn run(setup: &Setup, house: &House, wanted: f64) -> anyhow::Result<()> {
    let seats = house.scattered();
    let (mut shared, mut alone) = (Vec::new(), Vec::new());
    for _ in 0..setup.runs {
        shared.push(reserve(setup, house, &seats, CLIENTS, &[]).await?);
        alone.push(reserve(setup, house, &seats, CLIENTS, &["--batch-max=1"]).await?);
    }
    let mut table = Table::new(
        format!("batching: reservations at 64 connections, {}", house.store()),
        &["commits", "a second", "p50 ms", "p99 ms", "commits each"],
    );
    for (name, runs) in [("shared", &shared), ("one each (--batch-max 1)", &alone)] {
        let of = |value: fn(&Reserved) -> f64| Spread::of(runs, value).to_string();
        table.row(vec![
            name.to_owned(),
            of(|run| run.measured.rate),
            of(|run| run.measured.p50_ms),
            of(|run| run.measured.p99_ms),
            of(|run| run.commits),
        ]);
    }
    table.print();
    let median = |runs: &[Reserved]| Spread::of(runs, |run| run.measured.rate).median;
    let ratio = median(&shared) / median(&alone);
    verdict("shared beside one each", ratio, Wanted::AtLeast(wanted));
    println!();
    Ok(())
}
