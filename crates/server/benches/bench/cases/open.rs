//! Reservations in an open loop, at shares of the peak that a closed loop found just before: each is due on a
//! schedule that no answer can move, and its latency counts from the time that it was due.

use anyhow::{Context as _, ensure};

use crate::census::Census;
use crate::house::{House, Order};
use crate::load::RUSH;
use crate::open_loop::{Schedule, open_loop};
use crate::report::{Measure, Sample, Section, label};
use crate::requests::Queue;
use crate::setup::Side;
use crate::task::{self, Task, Work};
use crate::testbed::{Engines, Testbed};

/// How long a caller waits.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(10);
/// Shares of the peak, in percent.
const SHARES: [u8; 4] = [30, 50, 70, 90];
/// The share that has a promise.
const PROMISED: u8 = 70;
const ENGINES: [(Engines, &str); 3] = [
    (Engines::Embedded, "open_embedded"),
    (Engines::Postgres, "open_postgres"),
    (Engines::Full, "open_stack"),
];
const COLUMNS: [Measure; 7] = [
    Measure::Peak,
    Measure::Offered,
    Measure::Rate,
    Measure::P50Ms,
    Measure::P99Ms,
    Measure::P999Ms,
    Measure::P99OverP50,
];

pub(super) async fn run(testbed: &Testbed) -> anyhow::Result<Vec<Section>> {
    let title = "Reservations in an open loop, at shares of the peak of 256 connections";
    let mut section =
        Section::new("open-loop", title, &COLUMNS).with_ratios(&[Measure::P50Ms, Measure::P99Ms]);
    let labels = |engines: Engines, percent| {
        vec![label("engines", engines.name()), label("of the peak", format!("{percent} %"))]
    };
    let sides = testbed.setup.programs();
    for _ in 0..testbed.setup.runs {
        for (engines, _) in ENGINES {
            let work = Work::Reserve(Order::Scattered);
            let closed = Task::new(engines, House::LARGE, work).clients(RUSH);
            let mut peaks = Vec::new();
            for side in &sides {
                peaks.push(closed.measure(testbed, side).await?.get(Measure::Rate));
            }
            for percent in SHARES {
                for (side, peak) in sides.iter().zip(&peaks) {
                    let labels = labels(engines, percent);
                    match offer(testbed, side, engines, percent, *peak).await? {
                        Ok(sample) => section.add(&labels, &side.name, sample),
                        Err(late) => section.declare_void(&labels, &side.name, late.to_string()),
                    }
                }
            }
        }
    }
    for (engines, promise) in ENGINES {
        section.judge(promise, section.median(&labels(engines, PROMISED), Measure::P99OverP50));
    }
    Ok(vec![section])
}

/// The run, or why it does not count: the client could not send its requests in time.
async fn offer(
    testbed: &Testbed,
    side: &Side,
    engines: Engines,
    percent: u8,
    peak: f64,
) -> anyhow::Result<anyhow::Result<Sample>> {
    let (setup, house) = (&testbed.setup, House::LARGE);
    let rate = peak * f64::from(percent) / 100.0;
    let (warm_up, window) = (setup.warm_up(), setup.window);
    let schedule = Schedule { rate, warm_up, window, patience: PATIENCE };
    let seats = house.free(Order::Scattered, schedule.requests());
    ensure!(seats.len() == schedule.requests(), "the seats run out: choose fewer --seconds");
    let data = testbed.fresh(side, engines, &house).await?;
    let server = task::start(testbed, side, &data, 1, &["--hold-ttl=1h"]).await?;
    let answered = open_loop(server.address(), schedule, &Queue::of_seats(&seats)).await?;
    let data = server.stop()?;
    Census::expect_held(&house, &data, answered.done, answered.unknown)?;
    if let Err(late) = answered.expect_offered() {
        return Ok(Err(late));
    }
    let mut successes = answered.successes;
    let [p50, p99, p999] = [0.5, 0.99, 0.999].map(|share| successes.millis_at(share));
    let count = u32::try_from(successes.count()).context("a count of calls")?;
    let mut sample = Sample::default();
    sample
        .add(Measure::Peak, peak)
        .add(Measure::Offered, rate)
        .add(Measure::Rate, f64::from(count) / window.as_secs_f64())
        .add(Measure::P50Ms, p50)
        .add(Measure::P99Ms, p99)
        .add(Measure::P999Ms, p999)
        .add(Measure::P99OverP50, p99 / p50);
    Ok(Ok(sample))
}
