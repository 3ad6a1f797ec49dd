//! One client alone: how long a reservation and its payment take, and that sharing commits slows neither, for
//! a batch never waits for more commands.

use super::batching::ALONE;
use crate::house::{House, Order};
use crate::report::{Measure, Section, label};
use crate::task::{Row, Task, Work};
use crate::testbed::{Engines, Testbed};

/// How many pairs of runs, at least.
const PAIRS: u32 = 11;
/// Each with its promises.
const ENGINES: [(Engines, [&str; 3]); 2] = [
    (Engines::Embedded, ["lone", "lone_reserve_ms", "lone_confirm_ms"]),
    (Engines::Full, ["lone_stack", "lone_reserve_ms_stack", "lone_confirm_ms_stack"]),
];

pub(super) async fn run(testbed: &Testbed) -> anyhow::Result<Vec<Section>> {
    let row = |(engines, _): &(Engines, _)| Row {
        labels: vec![label("engines", engines.name())],
        task: Task::new(*engines, House::SMALL, Work::Purchase(Order::Scattered)).clients(1),
        sides: testbed.setup.programs_and(ALONE, "--batch-max=1"),
    };
    let rows: Vec<_> = ENGINES.iter().map(row).collect();
    let columns = [
        Measure::ReserveP50Ms,
        Measure::ReserveP99Ms,
        Measure::ConfirmP50Ms,
        Measure::ConfirmP99Ms,
        Measure::ServerUs,
    ];
    let mut section = Section::new("lone", "One client alone", &columns)
        .with_ratios(&[Measure::ReserveP50Ms, Measure::ConfirmP50Ms]);
    for pair in 0..testbed.setup.runs.max(PAIRS) {
        for Row { labels, task, sides } in &rows {
            let mut sides: Vec<_> = sides.iter().collect();
            // Each goes first as often as the other.
            if pair % 2 == 1 {
                sides.reverse();
            }
            for side in sides {
                section.add(labels, &side.name, task.measure(testbed, side).await?);
            }
        }
    }
    for ((_, [beside, reserve, confirm]), Row { labels, .. }) in ENGINES.iter().zip(&rows) {
        section.judge(beside, section.ratio(labels, ALONE, Measure::ReserveP50Ms));
        section.judge(reserve, section.median(labels, Measure::ReserveP50Ms));
        section.judge(confirm, section.median(labels, Measure::ConfirmP50Ms));
    }
    Ok(vec![section])
}
