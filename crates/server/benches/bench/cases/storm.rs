//! All clients want one held seat, with PostgreSQL and Redis: a refusal should cost the database
//! nothing.

use anyhow::{Context as _, ensure};

use super::health::{body_of, repeat};
use crate::census::Census;
use crate::client::Connection;
use crate::data::Data;
use crate::house::{HOUSE, House};
use crate::load::Measured;
use crate::load::RUSH;
use crate::report::{Spread, Table, Wanted, as_f64, verdict};
use crate::requests;
use crate::server::Server;
use crate::setup::Setup;
use poltrona_testkit::engines::Redis;

/// The series that counts the refusals.
const REFUSALS: &str =
    r#"poltrona_http_requests_total{route="/reservations",method="POST",status="409"}"#;

/// The figures of a run.
struct Run {
    refused: Measured,
    /// A POST that stores nothing.
    least: Measured,
    /// Transactions, for each refusal; of the server's whole life, its start and end included.
    transactions: f64,
    /// How often a worker waited for the database, for each refusal.
    round_trips: f64,
}

pub(super) async fn run(setup: &Setup, house: &House) -> anyhow::Result<()> {
    let redis = Redis::start_in(setup.folder.path()).await;
    let mut runs = Vec::new();
    for _ in 0..setup.runs {
        runs.push(storm(setup, house, &redis).await?);
    }
    let mut table = Table::new(
        "storm: 409 on one seat at 256 connections, PostgreSQL and Redis",
        &[
            "a second",
            "p50 ms",
            "p99 ms",
            "transactions each",
            "round trips each",
            "server CPU µs",
            "client CPU µs",
            "a POST that stores nothing, a second",
            "ratio",
        ],
    );
    let of = |value: fn(&Run) -> f64| Spread::of(&runs, value);
    table.row(vec![
        of(|run| run.refused.rate).to_string(),
        of(|run| run.refused.p50_ms).to_string(),
        of(|run| run.refused.p99_ms).to_string(),
        of(|run| run.transactions).to_string(),
        of(|run| run.round_trips).to_string(),
        of(|run| run.refused.server_us).to_string(),
        of(|run| run.refused.client_us).to_string(),
        of(|run| run.least.rate).to_string(),
        of(|run| run.refused.rate / run.least.rate).to_string(),
    ]);
    table.print();
    let transactions = of(|run| run.transactions).median;
    verdict("database transactions for each refusal", transactions, Wanted::AtMost(0.01));
    println!();
    Ok(())
}

async fn storm(setup: &Setup, house: &House, redis: &Redis) -> anyhow::Result<Run> {
    let postgres = house.postgres()?;
    redis.empty();
    let database = postgres.copy(HOUSE, "storm");
    let database = database.with("REDIS_URL", redis.url());
    let data = Data::Database(database.clone());
    data.check(setup)?;
    // A hold that outlasts the run: a seat held at its beginning is refused to its end.
    let server = Server::poltrona(setup, &data, &["--hold-ttl=1h"]).await?;
    let seat = house.seats().next().context("the house has no seat")?;
    let wish = requests::reserve(seat, 0);
    Connection::open(server.address()).await?.ask(&wish).await?.expect(201)?;
    let before = server.metrics().await?;
    let refused = repeat(setup, &server, RUSH, &wish, 409).await?;
    let after = server.metrics().await?;
    let data = server.stop()?;
    let transactions = as_f64(postgres.done(&database).await?.transactions);
    Census::expect(&data, &Census::of_singles(House::seat_count(), 1, 0)?)?;
    let ceiling = house.open_ceiling(setup, 0).await?;
    let parse = requests::post("/parse", body_of(&wish));
    let least = repeat(setup, &ceiling, RUSH, &parse, 201).await?;
    ceiling.kill();
    let refusals = after.since(&before, REFUSALS);
    ensure!(refusals > 0.0, "the refusals were not counted");
    let round_trips = after.since(&before, "poltrona_ledger_round_trips_total");
    Ok(Run {
        refused,
        least,
        transactions: transactions / refusals,
        round_trips: round_trips / refusals,
    })
}
