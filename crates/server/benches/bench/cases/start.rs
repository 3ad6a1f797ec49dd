//! The time and memory of a start, with a million seats and with an empty database.

use std::time::Duration;

use poltrona_testkit::wait::try_wait_for;

use crate::census::Census;
use crate::client::Connection;
use crate::data::Data;
use crate::house::{GROUP, House};
use crate::load::{CLIENTS, closed_loop};
use crate::report::{Measure, Sample, Section, label};
use crate::requests;
use crate::setup::{PAUSE, Side};
use crate::task::start;
use crate::testbed::{Engines, Testbed};

/// How long a server is idle before its memory at rest is measured.
const REST: Duration = Duration::from_secs(1);
/// A million seats: half of them held by 50,000 reservations, half sold.
const MILLION: House = House { open: 0, held: 50, sold: 50, seats: 10_000 };
const COLUMNS: [Measure; 4] =
    [Measure::ReadySecs, Measure::ReadyMb, Measure::RestMb, Measure::UsedMb];

pub(super) async fn run(testbed: &Testbed) -> anyhow::Result<Vec<Section>> {
    let title = "From exec to the first 200 of /readyz, and memory";
    let mut section = Section::new("start", title, &COLUMNS).with_ratios(&COLUMNS);
    let empty = [label("database", "empty")];
    let full = [label("database", "1,000,000 seats held or sold")];
    for _ in 0..testbed.setup.runs {
        for side in &testbed.setup.programs() {
            let data = testbed.empty_file()?;
            section.add(&empty, &side.name, measure(testbed, side, &data, 0).await?);
            let data = testbed.fresh(side, Engines::Embedded, &MILLION).await?;
            let held = MILLION.seats_in(MILLION.held) / usize::from(GROUP);
            section.add(&full, &side.name, measure(testbed, side, &data, held).await?);
            Census::of_singles(&MILLION, 0, 0).expect(&data)?;
        }
    }
    section.judge("million_secs", section.median(&full, Measure::ReadySecs));
    section.judge("million_mb", section.median(&full, Measure::RestMb));
    section.judge("rest_mb", section.median(&empty, Measure::RestMb));
    Ok(vec![section])
}

/// Starts, measures, and stops. `holds`: how many reservations the server has to watch.
async fn measure(
    testbed: &Testbed,
    side: &Side,
    data: &Data,
    holds: usize,
) -> anyhow::Result<Sample> {
    let server = start(testbed, side, data, 1, &[]).await?;
    let mut sample = Sample::default();
    sample.add(Measure::ReadySecs, server.started_in().as_secs_f64());
    sample.add(Measure::ReadyMb, server.resident_mb()?);
    let holds = f64::from(u32::try_from(holds)?);
    try_wait_for("holds are watched", PAUSE, async || {
        anyhow::Ok(server.metrics().await?.value("poltrona_holds_watched") >= holds)
    })
    .await?;
    tokio::time::sleep(REST).await;
    sample.add(Measure::RestMb, server.resident_mb()?);
    let request = requests::get("/sessions?limit=1");
    let call = async |connection: &mut Connection| {
        connection.ask(&request).await?.expect(200)?;
        Ok(true)
    };
    closed_loop(&server.addresses(), CLIENTS, testbed.setup.warm_up() / 2, &call).await?;
    sample.add(Measure::UsedMb, server.resident_mb()?);
    server.stop()?;
    Ok(sample)
}
