//! The full stack, PostgreSQL, Redis and RabbitMQ: reservations over one instance and over three on the same
//! cores, whose events are delivered, beside the PostgreSQL ceiling.

use crate::house::{House, Order};
use crate::load::RUSH;
use crate::report::{Measure, Section, label};
use crate::setup::CEILING;
use crate::task::{Row, Task, Work, in_turns};
use crate::testbed::{Engines, Testbed};

/// How many instances are compared with one.
pub(super) const MANY: usize = 3;

const COLUMNS: [Measure; 11] = [
    Measure::Rate,
    Measure::P50Ms,
    Measure::P99Ms,
    Measure::Batch,
    Measure::RoundTrips,
    Measure::SettledSecs,
    Measure::ServerUs,
    Measure::PostgresUs,
    Measure::RedisUs,
    Measure::RabbitmqUs,
    Measure::ClientUs,
];

pub(super) async fn run(testbed: &Testbed) -> anyhow::Result<Vec<Section>> {
    let row = |instances| Row {
        labels: vec![label("instances", instances)],
        task: Task::new(Engines::Full, House::LARGE, Work::Reserve(Order::Scattered))
            .clients(RUSH)
            .instances(instances),
        sides: if instances == 1 {
            testbed.setup.programs_and_ceiling()
        } else {
            testbed.setup.programs()
        },
    };
    let rows = [row(1), row(MANY)];
    let title = "Reservations at 256 connections, PostgreSQL, Redis and RabbitMQ";
    let mut section = Section::new("stack", title, &COLUMNS);
    in_turns(testbed, &mut section, &rows).await?;
    let [one, many] = &rows;
    section.judge("stack", section.ratio(&one.labels, CEILING, Measure::Rate));
    section.judge("three_instances", section.ratio_of(&many.labels, &one.labels, Measure::Rate));
    let settled = |row: &Row| section.median(&row.labels, Measure::SettledSecs);
    section.judge("settled_secs", settled(one).max(settled(many)));
    Ok(vec![section])
}
