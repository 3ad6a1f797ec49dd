//! One client alone must not be slowed by batching: a batch never waits for more commands.

use std::time::Duration;

use anyhow::ensure;

use super::reserve::one_each;
use crate::census::Census;
use crate::house::House;
use crate::load::{Ran, closed_loop};
use crate::report::{Spread, Table, Wanted, verdict};
use crate::requests::Queue;
use crate::server::Server;
use crate::setup::Setup;

/// How many pairs of bursts.
const PAIRS: usize = 11;
/// How long a burst lasts: one server is idle while the other works.
const BURST: Duration = Duration::from_millis(500);

pub(super) async fn run(setup: &Setup, house: &House) -> anyhow::Result<()> {
    let seats = house.scattered();
    let shared = house.open(setup, "lone-shared", &[]).await?;
    let alone = house.open(setup, "lone-alone", &["--batch-max=1"]).await?;
    let (shared_queue, alone_queue) = (Queue::of_seats(&seats), Queue::of_seats(&seats));
    // To warm up.
    burst(&shared, &shared_queue).await?;
    burst(&alone, &alone_queue).await?;
    let mut pairs = Vec::new();
    for pair in 0..PAIRS {
        // Each goes first as often as the other.
        let first = if pair % 2 == 0 { burst(&shared, &shared_queue).await? } else { 0.0 };
        let alone = burst(&alone, &alone_queue).await?;
        let shared = if pair % 2 == 0 { first } else { burst(&shared, &shared_queue).await? };
        pairs.push((shared, alone));
    }
    for (server, queue) in [(shared, shared_queue), (alone, alone_queue)] {
        let held = queue.taken();
        let census = Census::of_singles(House::seat_count(), held, 0)?;
        Census::expect(&server.stop()?, &census)?;
    }
    let title = format!("lone: reservations over one connection, {}", house.store());
    let mut table = Table::new(title, &["commits", "p50 ms of 11 bursts"]);
    table.row(vec!["shared".to_owned(), Spread::of(&pairs, |pair| pair.0).to_string()]);
    let alone = Spread::of(&pairs, |pair| pair.1);
    table.row(vec!["one each (--batch-max 1)".to_owned(), alone.to_string()]);
    table.print();
    let ratio = Spread::of(&pairs, |(shared, alone)| shared / alone);
    verdict("p50, shared beside one each, median of the pairs", ratio.median, Wanted::AtMost(1.1));
    println!();
    Ok(())
}

/// Returns the median of a burst's answers, in milliseconds.
async fn burst(server: &Server, queue: &Queue) -> anyhow::Result<f64> {
    let Ran { mut times, .. } =
        closed_loop(&server.addresses(), 1, BURST, &one_each(queue)).await?;
    ensure!(times.count() > 0, "the seats ran out");
    Ok(times.millis_at(0.5))
}
