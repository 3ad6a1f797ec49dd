//! A reservation and its payment, one after the other over the same connection.

use std::cell::RefCell;
use std::time::Instant;

use anyhow::ensure;
use poltrona_domain::SeatId;

use super::reserve::reserve;
use crate::census::Census;
use crate::client::Connection;
use crate::house::House;
use crate::load::CLIENTS;
use crate::load::{Measured, closed_loop, measure_warm};
use crate::report::{Spread, Table, Wanted, verdict};
use crate::requests::{Queue, confirm};
use crate::setup::Setup;
use crate::times::Times;

struct Bought {
    measured: Measured,
    reserve: [f64; 2],
    confirm: [f64; 2],
}

/// How long the two requests of each purchase took, since it was last emptied.
#[derive(Default)]
struct Halves {
    reserve: Times,
    confirm: Times,
}

pub(super) async fn run(setup: &Setup, house: &House) -> anyhow::Result<()> {
    let seats = house.scattered();
    let (mut runs, mut reserved) = (Vec::new(), Vec::new());
    for _ in 0..setup.runs {
        runs.push(purchases(setup, house, &seats).await?);
        reserved.push(reserve(setup, house, &seats, CLIENTS, &[]).await?.measured.rate);
    }
    let mut table = Table::new(
        format!("purchase: a reservation and its payment, at 64 connections, {}", house.store()),
        &[
            "purchases a second",
            "reservations alone, a second",
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
        Spread::of(&reserved, |rate| *rate).to_string(),
        of(|run| run.reserve[0]),
        of(|run| run.reserve[1]),
        of(|run| run.confirm[0]),
        of(|run| run.confirm[1]),
        of(|run| run.measured.server_us),
    ]);
    table.print();
    let purchases = Spread::of(&runs, |run| run.measured.rate).median;
    let ratio = purchases / Spread::of(&reserved, |rate| *rate).median;
    verdict("purchases beside reservations alone", ratio, Wanted::AtLeast(0.4));
    println!();
    Ok(())
}

async fn purchases(setup: &Setup, house: &House, seats: &[SeatId]) -> anyhow::Result<Bought> {
    let queue = Queue::of_seats(seats);
    let server = house.open(setup, "purchase", &[]).await?;
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
    closed_loop(&server.addresses(), CLIENTS, setup.warm_up(), &call).await?;
    drop(halves.take());
    let measured = measure_warm(&server, CLIENTS, setup.window, &call).await?;
    let sold = queue.taken();
    ensure!(sold < seats.len(), "the seats ran out: choose fewer --seconds");
    let census = Census::of_singles(House::seat_count(), 0, sold)?;
    Census::expect(&server.stop()?, &census)?;
    let Halves { mut reserve, mut confirm } = halves.take();
    let at = |times: &mut Times| [times.millis_at(0.5), times.millis_at(0.99)];
    Ok(Bought { measured, reserve: at(&mut reserve), confirm: at(&mut confirm) })
}
