//! The gain of sharing commits: reservations with it and without.

use crate::house::{House, Order};
use crate::report::{Measure, Section};
use crate::task::{Row, Task, Work, in_turns};
use crate::testbed::{Engines, Testbed};

/// The side without it.
pub(super) const ALONE: &str = "one each (--batch-max 1)";

pub(super) async fn run(
    testbed: &Testbed,
    case: &str,
    engines: Engines,
    promise: &str,
) -> anyhow::Result<Section> {
    let row = Row {
        labels: Vec::new(),
        task: Task::new(engines, House::LARGE, Work::Reserve(Order::Scattered)),
        sides: testbed.setup.programs_and(ALONE, "--batch-max=1"),
    };
    let title = format!("Shared commits, and one for each, at 64 connections, {}", engines.name());
    let columns =
        [Measure::Rate, Measure::P50Ms, Measure::P99Ms, Measure::Commits, Measure::ServerUs];
    let mut section = Section::new(case, title, &columns);
    in_turns(testbed, &mut section, std::slice::from_ref(&row)).await?;
    section.judge(promise, section.ratio(&row.labels, ALONE, Measure::Rate));
    Ok(section)
}
