//! All clients want one held seat, with PostgreSQL and Redis: a refusal should cost the database nothing.

use crate::house::House;
use crate::load::RUSH;
use crate::report::{Measure, Section, label};
use crate::task::{Read, Row, Task, Work, in_turns};
use crate::testbed::{Engines, Testbed};

const COLUMNS: [Measure; 8] = [
    Measure::Rate,
    Measure::P50Ms,
    Measure::P99Ms,
    Measure::Transactions,
    Measure::RoundTrips,
    Measure::ServerUs,
    Measure::RedisUs,
    Measure::ClientUs,
];

pub(super) async fn run(testbed: &Testbed) -> anyhow::Result<Vec<Section>> {
    let row = Row {
        labels: vec![label("connections", RUSH)],
        task: Task::new(Engines::Redis, House::SMALL, Work::Repeat(Read::Held)).clients(RUSH),
        sides: testbed.setup.programs_and_ceiling(),
    };
    let title = "409 on one seat, PostgreSQL and Redis, beside a POST that stores nothing";
    let mut section = Section::new("storm", title, &COLUMNS);
    in_turns(testbed, &mut section, std::slice::from_ref(&row)).await?;
    section.judge("transactions", section.median(&row.labels, Measure::Transactions));
    Ok(vec![section])
}
