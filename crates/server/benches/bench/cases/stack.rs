//! The full stack, PostgreSQL, Redis and RabbitMQ: reservations over one instance and over three on
//! the same cores, whose events are delivered, beside the PostgreSQL ceiling.

use poltrona_domain::SeatId;

use super::ceiling::the_least;
use super::reserve::{Reserved, Rush, reserve_on};
use crate::data::Data;
use crate::house::{HOUSE, House};
use crate::load::RUSH;
use crate::report::{Spread, Table, Wanted, verdict};
use crate::setup::Setup;
use poltrona_testkit::engines::RabbitMq;
use poltrona_testkit::engines::Redis;

/// How many instances are compared with one.
pub(super) const MANY: usize = 3;

/// The engines beside PostgreSQL.
pub(super) struct Beside {
    redis: Redis,
    rabbitmq: RabbitMq,
}

impl Beside {
    pub(super) async fn start(setup: &Setup) -> Self {
        let folder = setup.folder.path();
        Self { redis: Redis::start_in(folder).await, rabbitmq: RabbitMq::start_in(folder).await }
    }

    /// A fresh copy of the house, with these engines beside it. The broker's queues are empty, for
    /// each run ends when its events have been delivered.
    pub(super) fn copy(&self, setup: &Setup, house: &House) -> anyhow::Result<Data> {
        self.redis.empty();
        let database = house.postgres()?.copy(HOUSE, "stack");
        let database = database.with("REDIS_URL", self.redis.url());
        let data = Data::Database(database.with("RABBITMQ_URL", self.rabbitmq.url()));
        data.check(setup)?;
        Ok(data)
    }
}

/// The figures of a run.
struct Run {
    one: Reserved,
    many: Reserved,
    /// The ceiling's reservations a second.
    least: f64,
}

pub(super) async fn run(setup: &Setup, house: &House) -> anyhow::Result<()> {
    let beside = Beside::start(setup).await;
    let seats = house.scattered();
    let mut runs = Vec::new();
    for _ in 0..setup.runs {
        let one = reserve(setup, &beside.copy(setup, house)?, &seats, 1).await?;
        let many = reserve(setup, &beside.copy(setup, house)?, &seats, MANY).await?;
        let least = the_least(setup, house, &seats, RUSH).await?.rate;
        runs.push(Run { one, many, least });
    }
    let mut table = Table::new(
        "stack: reservations at 256 connections; PostgreSQL, Redis and RabbitMQ",
        &[
            "instances",
            "a second",
            "p50 ms",
            "p99 ms",
            "in a commit",
            "round trips each",
            "events delivered s after the end",
            "server CPU µs",
            "of the PostgreSQL ceiling",
        ],
    );
    table.row(row(1, &runs, |run| &run.one));
    table.row(row(MANY, &runs, |run| &run.many));
    table.print();
    let median = |value: fn(&Run) -> f64| Spread::of(&runs, value).median;
    let one = median(|run| run.one.measured.rate);
    let many = median(|run| run.many.measured.rate);
    let settled = median(|run| run.one.settled_in.max(run.many.settled_in).as_secs_f64());
    let of_ceiling = one / median(|run| run.least);
    verdict("one instance, of the PostgreSQL ceiling", of_ceiling, Wanted::AtLeast(0.4));
    verdict("three instances beside one", many / one, Wanted::AtLeast(0.7));
    verdict("all events delivered, s after the end", settled, Wanted::AtMost(5.0));
    println!();
    Ok(())
}

fn row(instances: usize, runs: &[Run], which: fn(&Run) -> &Reserved) -> Vec<String> {
    let of = |value: fn(&Reserved) -> f64| Spread::of(runs, |run| value(which(run))).to_string();
    vec![
        instances.to_string(),
        of(|run| run.measured.rate),
        of(|run| run.measured.p50_ms),
        of(|run| run.measured.p99_ms),
        of(|run| run.batch),
        of(|run| run.round_trips),
        of(|run| run.settled_in.as_secs_f64()),
        of(|run| run.measured.server_us),
        Spread::of(runs, |run| which(run).measured.rate / run.least).to_string(),
    ]
}

async fn reserve(
    setup: &Setup,
    data: &Data,
    seats: &[SeatId],
    instances: usize,
) -> anyhow::Result<Reserved> {
    // Holds that outlast the run: a lapse would be one more event to wait for.
    let rush = Rush { seats, clients: RUSH, instances, flags: &["--hold-ttl=10m"] };
    reserve_on(setup, data, &rush).await
}
