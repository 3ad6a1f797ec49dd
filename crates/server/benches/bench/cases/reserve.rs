//! Fresh seats, each reserved once, beside the least work that is durable in the same store.

use crate::house::{House, Order};
use crate::load::{CLIENTS, RUSH};
use crate::report::{Measure, Section, label};
use crate::setup::CEILING;
use crate::task::{Row, Task, Work, in_turns};
use crate::testbed::{Engines, Testbed};

const COLUMNS: [Measure; 12] = [
    Measure::Rate,
    Measure::P50Ms,
    Measure::P99Ms,
    Measure::Commits,
    Measure::Batch,
    Measure::RoundTrips,
    Measure::Syncs,
    Measure::Hot,
    Measure::SettledSecs,
    Measure::ServerUs,
    Measure::PostgresUs,
    Measure::ClientUs,
];

pub(super) async fn embedded(testbed: &Testbed) -> anyhow::Result<Vec<Section>> {
    let mut rows = rows(testbed, Engines::Embedded);
    if testbed.setup.strace {
        rows.push(traced(testbed));
    }
    let mut section = Section::new("reserve", "Reservations of fresh seats, SQLite", &COLUMNS);
    in_turns(testbed, &mut section, &rows).await?;
    let of_ceiling =
        ["reserve_scattered_64", "reserve_scattered_256", "reserve_hot_64", "reserve_hot_256"];
    for (promise, row) in of_ceiling.into_iter().zip(&rows[1..]) {
        section.judge(promise, section.ratio(&row.labels, CEILING, Measure::Rate));
    }
    let at_64 = &rows[1].labels;
    section.judge("p99_ms", section.median(at_64, Measure::P99Ms));
    section.judge("commits", section.median(at_64, Measure::Commits));
    Ok(vec![section])
}

pub(super) async fn postgres(testbed: &Testbed) -> anyhow::Result<Vec<Section>> {
    let rows = rows(testbed, Engines::Postgres);
    let mut section = Section::new("postgres", "Reservations of fresh seats, PostgreSQL", &COLUMNS);
    in_turns(testbed, &mut section, &rows).await?;
    let [_, at_64, at_256, ..] = &rows[..] else { return Ok(vec![section]) };
    for (promise, row) in [("postgres_64", at_64), ("postgres_256", at_256)] {
        section.judge(promise, section.ratio(&row.labels, CEILING, Measure::Rate));
    }
    section.judge("p99_ms_postgres", section.median(&at_64.labels, Measure::P99Ms));
    section.judge("round_trips_64", section.median(&at_64.labels, Measure::RoundTrips));
    section.judge("round_trips_256", section.median(&at_256.labels, Measure::RoundTrips));
    section.judge("syncs_postgres", section.median(&at_256.labels, Measure::Syncs));
    let hot = rows.iter().map(|row| section.median(&row.labels, Measure::Hot));
    section.judge("hot", hot.fold(1.0, f64::min));
    Ok(vec![section])
}

fn rows(testbed: &Testbed, engines: Engines) -> Vec<Row> {
    use Order::{Hot, Scattered};
    let rows =
        [(Scattered, 1), (Scattered, CLIENTS), (Scattered, RUSH), (Hot, CLIENTS), (Hot, RUSH)];
    let row = |(order, clients): (Order, usize)| Row {
        labels: vec![label("seats", order.name()), label("connections", clients)],
        task: Task::new(engines, House::LARGE, Work::Reserve(order)).clients(clients),
        sides: testbed.setup.programs_and_ceiling(),
    };
    rows.into_iter().map(row).collect()
}

/// Counts fsyncs from outside. The tracer slows the server, so that nothing else of it counts.
fn traced(testbed: &Testbed) -> Row {
    let mut task = Task::new(Engines::Embedded, House::LARGE, Work::Reserve(Order::Scattered));
    task.strace = true;
    Row {
        labels: vec![label("seats", "scattered, under strace"), label("connections", CLIENTS)],
        task,
        sides: testbed.setup.programs(),
    }
}
