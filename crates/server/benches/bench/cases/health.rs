//! Requests that write nothing, beside ready answers of the same size.

use crate::house::House;
use crate::load::{CLIENTS, RUSH};
use crate::report::{Measure, Section, label};
use crate::setup::CEILING;
use crate::task::{Read, Row, Task, Work, in_turns};
use crate::testbed::{Engines, Testbed};

/// Each request, what answers the same in the least time, the connections, and the promise.
const REQUESTS: [(&str, Read, usize, Option<&str>); 5] = [
    ("GET /health, beside ready bytes", Read::Health, CLIENTS, None),
    ("seat map of 200, beside ready bytes", Read::Map, CLIENTS, Some("seat_map")),
    ("seat map of 200, gzip, beside ready bytes", Read::MapGzip, CLIENTS, None),
    ("seat map, 304, beside hello", Read::NotModified, CLIENTS, Some("not_modified")),
    (
        "409 on one seat, beside a POST that stores nothing",
        Read::Held,
        RUSH,
        Some("storm_embedded"),
    ),
];

pub(super) async fn run(testbed: &Testbed) -> anyhow::Result<Vec<Section>> {
    let row = |(name, read, clients, _): &(&str, Read, usize, _)| Row {
        labels: vec![label("request", name), label("connections", clients)],
        task: Task::new(Engines::Embedded, House::SMALL, Work::Repeat(*read)).clients(*clients),
        sides: testbed.setup.programs_and_ceiling(),
    };
    let rows: Vec<_> = REQUESTS.iter().map(row).collect();
    let columns =
        [Measure::Rate, Measure::P50Ms, Measure::P99Ms, Measure::ServerUs, Measure::ClientUs];
    let mut section = Section::new("health", "Requests that write nothing", &columns);
    in_turns(testbed, &mut section, &rows).await?;
    for ((.., promise), row) in REQUESTS.iter().zip(&rows) {
        if let Some(promise) = promise {
            section.judge(promise, section.ratio(&row.labels, CEILING, Measure::Rate));
        }
    }
    Ok(vec![section])
}
