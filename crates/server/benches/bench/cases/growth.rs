//! The cost of a call when there are a hundred times as many seats, and ten times as long a history.

use crate::house::{House, Order};
use crate::report::{Measure, Section, label};
use crate::task::{Row, Task, Work, in_turns};
use crate::testbed::{Engines, Testbed};

/// A hundred thousand free seats and ten thousand sales; then a hundred times the seats; then ten times the
/// sales.
const HOUSES: [(&str, House); 3] = [
    ("10⁵ seats, 10⁴ sales", House { open: 500, held: 0, sold: 500, seats: 200 }),
    ("10⁷ seats, 10⁴ sales", House { open: 50_000, held: 0, sold: 500, seats: 200 }),
    ("10⁵ seats, 10⁵ sales", House { open: 500, held: 0, sold: 5_000, seats: 200 }),
];
const CALLS: [(&str, Work); 2] = [
    ("reservations", Work::Reserve(Order::Scattered)),
    ("purchases", Work::Purchase(Order::Scattered)),
];
const ENGINES: [(Engines, [&str; 2]); 2] = [
    (Engines::Embedded, ["growth_seats", "growth_history"]),
    (Engines::Postgres, ["growth_seats_postgres", "growth_history_postgres"]),
];
const COLUMNS: [Measure; 5] =
    [Measure::Rate, Measure::P99Ms, Measure::TotalUs, Measure::ServerUs, Measure::PostgresUs];

pub(super) async fn run(testbed: &Testbed) -> anyhow::Result<Vec<Section>> {
    let mut sections = Vec::new();
    for (engines, promises) in ENGINES {
        let row = |(calls, work): (&str, Work), (name, house)| Row {
            labels: vec![label("calls", calls), label("database", name)],
            task: Task::new(engines, house, work),
            sides: testbed.setup.programs(),
        };
        let rows = CALLS.map(|calls| HOUSES.map(|house| row(calls, house)));
        let title = format!("A growing database, at 64 connections, {}", engines.name());
        let mut section =
            Section::new("growth", title, &COLUMNS).with_ratios(&[Measure::Rate, Measure::TotalUs]);
        in_turns(testbed, &mut section, rows.as_flattened()).await?;
        for (at, promise) in promises.into_iter().enumerate() {
            let grown = rows.iter().map(|[before, after @ ..]| {
                section.ratio_of(&after[at].labels, &before.labels, Measure::TotalUs)
            });
            section.judge(promise, grown.fold(0.0, f64::max));
        }
        sections.push(section);
    }
    Ok(sections)
}
