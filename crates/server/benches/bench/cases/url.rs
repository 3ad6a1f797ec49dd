//! Any server with this API beside ours: the same requests by the same client, by turns. Of the other, only
//! the address is known, so that sessions are opened over the API, and seats counted on its seat maps.

mod stock;
mod rival;

use anyhow::ensure;
use std::time::Duration;

use crate::house::House;
use crate::report::{Measure, Section, label};
use crate::task::start;
use crate::testbed::{Engines, Testbed};
use rival::{Calls, Outcome, Rival};

/// The shortest hold that servers of this kind have, with time to spare: a storm has to be over by then.
const LONGEST: Duration = Duration::from_secs(20);
const CALLS: [(&str, Calls); 5] = [
    ("seat map of 200", Calls::Map),
    ("409 on one held seat", Calls::Held),
    ("409 on one sold seat", Calls::Sold),
    ("reservations of fresh seats", Calls::Reserve),
    ("purchases", Calls::Purchase),
];
const COLUMNS: [Measure; 7] = [
    Measure::Rate,
    Measure::P50Ms,
    Measure::P99Ms,
    Measure::ReserveP50Ms,
    Measure::ConfirmP50Ms,
    Measure::TotalUs,
    Measure::ClientUs,
];

pub(super) async fn run(testbed: &Testbed) -> anyhow::Result<Vec<Section>> {
    let setup = &testbed.setup;
    ensure!(!setup.remotes.is_empty(), "name a server with --url");
    ensure!(setup.warm_up() + setup.window < LONGEST, "holds would lapse: choose fewer --seconds");
    let mut sections = Vec::new();
    for engines in [Engines::Embedded, Engines::Full] {
        sections.push(compare(testbed, engines).await?);
    }
    Ok(sections)
}

async fn compare(testbed: &Testbed, engines: Engines) -> anyhow::Result<Section> {
    let mut rivals = Vec::new();
    for side in &testbed.setup.programs() {
        let data = testbed.fresh(side, engines, &House::SMALL).await?;
        let server = start(testbed, side, &data, 1, &[]).await?;
        rivals.push(Rival::program(&side.name, server, data));
        if engines != Engines::Embedded {
            // There is one database of a run.
            break;
        }
    }
    rivals.extend(testbed.setup.remotes.iter().map(Rival::remote));
    for rival in &mut rivals {
        rival.prepare().await?;
    }
    let title = format!("Beside other servers, at 64 connections; ours with {}", engines.name());
    let mut section =
        Section::new("url", title, &COLUMNS).with_ratios(&[Measure::Rate, Measure::TotalUs]);
    for _ in 0..testbed.setup.runs {
        for (name, calls) in CALLS {
            for rival in &mut rivals {
                let labels = [label("request", name)];
                match rival.measure(testbed, calls).await? {
                    Outcome::Sound(sample) => section.add(&labels, &rival.name, sample),
                    Outcome::Void(why) => section.declare_void(&labels, &rival.name, why),
                }
            }
        }
    }
    for rival in rivals {
        rival.stop()?;
    }
    Ok(section)
}
