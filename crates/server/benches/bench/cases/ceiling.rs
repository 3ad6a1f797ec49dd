//! Reservations a second, compared with the ceiling's, in alternating runs.

use anyhow::ensure;
use poltrona_domain::SeatId;

use super::reserve::{one_each, reserve};
use crate::ceiling;
use crate::house::House;
use crate::load::{CLIENTS, RUSH};
use crate::load::{Measured, measure};
use crate::report::{Spread, Table, Wanted, verdict};
use crate::requests::Queue;
use crate::setup::Setup;

/// `wanted`: the share of the ceiling that should be reached.
pub(super) async fn run(setup: &Setup, house: &House, wanted: f64) -> anyhow::Result<()> {
    let seats = house.scattered();
    let clients = [CLIENTS, RUSH];
    let mut runs: [Vec<(Measured, Measured)>; 2] = Default::default();
    for _ in 0..setup.runs {
        for (clients, runs) in clients.iter().zip(&mut runs) {
            let ours = reserve(setup, house, &seats, *clients, &[]).await?.measured;
            runs.push((ours, the_least(setup, house, &seats, *clients).await?));
        }
    }
    let mut table = Table::new(
        format!("ceiling: reservations beside the least work that is durable, {}", house.store()),
        &[
            "connections",
            "ours, a second",
            "p99 ms",
            "server CPU µs",
            "the least, a second",
            "p99 ms",
            "server CPU µs",
            "ratio",
        ],
    );
    for (clients, runs) in clients.iter().zip(&runs) {
        let ours = |value: fn(&Measured) -> f64| Spread::of(runs, |run| value(&run.0)).to_string();
        let least = |value: fn(&Measured) -> f64| Spread::of(runs, |run| value(&run.1)).to_string();
        table.row(vec![
            clients.to_string(),
            ours(|m| m.rate),
            ours(|m| m.p99_ms),
            ours(|m| m.server_us),
            least(|m| m.rate),
            least(|m| m.p99_ms),
            least(|m| m.server_us),
            Spread::of(runs, |(ours, least)| ours.rate / least.rate).to_string(),
        ]);
    }
    table.print();
    for (clients, runs) in clients.iter().zip(&runs) {
        let median = |value: fn(&(Measured, Measured)) -> f64| Spread::of(runs, value).median;
        let ratio = median(|run| run.0.rate) / median(|run| run.1.rate);
        verdict(
            &format!("of the ceiling, at {clients} connections"),
            ratio,
            Wanted::AtLeast(wanted),
        );
    }
    println!();
    Ok(())
}

/// Measures the ceiling's reservations, and counts them in its database.
pub(super) async fn the_least(
    setup: &Setup,
    house: &House,
    seats: &[SeatId],
    clients: usize,
) -> anyhow::Result<Measured> {
    let queue = Queue::of_seats(seats);
    let server = house.open_ceiling(setup, 0).await?;
    let measured = measure(setup, &server, clients, &one_each(&queue)).await?;
    ensure!(queue.taken() < seats.len(), "the seats ran out: choose fewer --seconds");
    let (held, reservations) = ceiling::count(&server.kill());
    let acknowledged = i64::try_from(queue.taken())?;
    ensure!(
        held == acknowledged && reservations == acknowledged,
        "{held} seats are held by {reservations} reservations, {acknowledged} were acknowledged"
    );
    Ok(measured)
}
