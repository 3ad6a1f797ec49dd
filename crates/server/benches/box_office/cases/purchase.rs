//! A reservation and its payment, one after the other over the same connection.

use std::cell::RefCell;
use std::time::Instant;

use anyhow::ensure;

use super::CLIENTS;
use crate::Bench;
use crate::census::Census;
use crate::client::Connection;
use crate::house::House;
use crate::load::{Measured, Times, closed_loop, measure_warm};
use crate::report::{Spread, Table};
use crate::requests::{Queue, confirm};

struct Bought {
    measured: Measured,
    reserve: [f64; 2],
    confirm: [f64; 2],
}

/// How long the two requests took, of all purchases since it was last emptied.
#[derive(Default)]
struct Halves {
    reserve: Times,
    confirm: Times,
}

pub(super) async fn run(bench: &Bench) -> anyhow::Result<()> {
    let mut runs = Vec::new();
    for _ in 0..bench.runs {
        runs.push(purchases(bench).await?);
    }
    let mut table = Table::new(
        "purchase: a reservation and its payment, at 64 connections",
        &[
            "purchases a second",
            "reserve: p50 ms",
            "p99 ms",
            "confirm: p50 ms",
            "p99 ms",
            "server CPU µs a pair",
        ],
    );
    let of = |value: fn(&Bought) -> f64| Spread::of(&runs, value).to_string();
    table.row(vec![
        of(|run| run.measured.rate),
        of(|run| run.reserve[0]),
        of(|run| run.reserve[1]),
        of(|run| run.confirm[0]),
        of(|run| run.confirm[1]),
        of(|run| run.measured.server_us),
    ]);
    table.print();
    Ok(())
}

async fn purchases(bench: &Bench) -> anyhow::Result<Bought> {
    let house = bench.house().await?;
    let seats = house.scattered();
    let queue = Queue::of_seats(&seats);
    let server = house.open(bench, "purchase", &[]).await?;
    let halves = RefCell::new(Halves::default());
    let call = async |connection: &mut Connection| {
        let Some((_, request)) = queue.take() else { return Ok(false) };
        let began = Instant::now();
        let answer = connection.ask(request).await?;
        answer.expect(201)?;
        let request = confirm(answer.id()?);
        let reserved = Instant::now();
        connection.ask(&request).await?.expect(201)?;
        let mut halves = halves.borrow_mut();
        halves.reserve.add(reserved - began);
        halves.confirm.add(reserved.elapsed());
        Ok(true)
    };
    closed_loop(server.address(), CLIENTS, bench.warm_up(), &call).await?;
    drop(halves.take());
    let measured = measure_warm(&server, CLIENTS, bench.window, &call).await?;
    let sold = queue.taken();
    ensure!(sold < seats.len(), "the seats ran out: choose fewer --seconds");
    Census::expect(&server.stop()?, &Census::of_singles(House::seat_count(), 0, sold)?)?;
    let Halves { mut reserve, mut confirm } = halves.take();
    let at = |times: &mut Times| [times.millis_at(0.5), times.millis_at(0.99)];
    Ok(Bought { measured, reserve: at(&mut reserve), confirm: at(&mut confirm) })
}
