//! Many holds that lapse at once, with PostgreSQL, Redis and RabbitMQ: how late is each announced, by one
//! instance and by three?

use super::crowded;
use super::expiry::{RUNS, lapse, p99, row, table};
use super::stack::{Beside, MANY};
use crate::house::House;
use crate::report::{Wanted, verdict};
use crate::setup::Setup;

pub(super) async fn run(setup: &Setup, house: &House) -> anyhow::Result<()> {
    let beside = Beside::start(setup).await;
    let rows = [1, MANY];
    let mut runs: [Vec<_>; 2] = Default::default();
    for _ in 0..setup.runs.min(RUNS) {
        for (instances, runs) in rows.iter().zip(&mut runs) {
            let data = beside.copy(setup, house)?;
            runs.push(lapse(setup, house, &data, *instances).await?);
        }
    }
    let mut table = table(
        "lapses: 2,000 reservations of ten seats, made within a second, lapse; PostgreSQL, Redis and \
         RabbitMQ",
    );
    for (instances, runs) in rows.iter().zip(&runs) {
        table.row(row(*instances, runs));
    }
    table.print();
    for (instances, runs) in rows.iter().zip(&runs) {
        let what = format!("p99 of lateness with {instances} instances, ms");
        verdict(&what, p99(runs), Wanted::AtMost(1_000.0));
    }
    println!();
    let mut runs: [Vec<_>; 2] = Default::default();
    for _ in 0..setup.runs.min(RUNS) {
        for (instances, runs) in rows.iter().zip(&mut runs) {
            let data = beside.copy(setup, house)?;
            runs.push(crowded::lapse(setup, house, &data, *instances).await?);
        }
    }
    let [one, many] = &runs;
    crowded::print("lapses: PostgreSQL, Redis and RabbitMQ", &[(1, one), (MANY, many)]);
    Ok(())
}
