//! A reservation and its payment, one after the other over the same connection, beside reservations alone.

use crate::house::{House, Order};
use crate::report::{Measure, Section, label};
use crate::task::{Row, Task, Work, in_turns};
use crate::testbed::{Engines, Testbed};

const COLUMNS: [Measure; 8] = [
    Measure::Rate,
    Measure::P50Ms,
    Measure::ReserveP50Ms,
    Measure::ReserveP99Ms,
    Measure::ConfirmP50Ms,
    Measure::ConfirmP99Ms,
    Measure::ServerUs,
    Measure::PostgresUs,
];

pub(super) async fn run(
    testbed: &Testbed,
    case: &str,
    engines: Engines,
    promise: &str,
) -> anyhow::Result<Section> {
    let row = |name: &str, work| Row {
        labels: vec![label("calls", name)],
        task: Task::new(engines, House::LARGE, work),
        sides: testbed.setup.programs(),
    };
    let rows = [
        row("purchases", Work::Purchase(Order::Scattered)),
        row("reservations alone", Work::Reserve(Order::Scattered)),
    ];
    let title = format!("Purchases, at 64 connections, {}", engines.name());
    let mut section = Section::new(case, title, &COLUMNS);
    in_turns(testbed, &mut section, &rows).await?;
    let [purchases, alone] = &rows;
    section.judge(promise, section.ratio_of(&purchases.labels, &alone.labels, Measure::Rate));
    Ok(section)
}
