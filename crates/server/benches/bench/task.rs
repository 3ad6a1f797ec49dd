//! One measurement: a fresh server on fresh data does one kind of work for one kind of client, and its books
//! are audited afterwards. The same for every side of a comparison.

mod plan;
mod syncs;
mod meter;
mod repeat;
mod sell;

use crate::report::{Label, OURS, Sample, Section};
use crate::setup::Side;
use crate::testbed::Testbed;

pub(crate) use plan::{Read, Task, Work, start, start_with_logs};
pub(crate) use sell::one_each;

impl Task {
    /// Does it once, on this side.
    pub(crate) async fn measure(&self, testbed: &Testbed, side: &Side) -> anyhow::Result<Sample> {
        let data = testbed.fresh(side, self.engines, &self.house).await?;
        match self.work {
            Work::Reserve(order) => sell::sell(testbed, side, self, &data, order, false).await,
            Work::Purchase(order) => sell::sell(testbed, side, self, &data, order, true).await,
            Work::Repeat(read) => repeat::repeat(testbed, side, self, &data, read).await,
        }
    }
}

/// A thing to measure, and the sides to measure it on.
pub(crate) struct Row {
    pub(crate) labels: Vec<Label>,
    pub(crate) task: Task,
    pub(crate) sides: Vec<Side>,
}

/// Measures all rows on all of their sides by turns, so that whatever slows the machine slows both sides of
/// each pair: run 1 of ours, run 1 of the ceiling; …; run 2 of ours, run 2 of the ceiling.
pub(crate) async fn in_turns(
    testbed: &Testbed,
    section: &mut Section,
    rows: &[Row],
) -> anyhow::Result<()> {
    for _ in 0..testbed.setup.runs {
        for Row { labels, task, sides } in rows {
            for side in sides {
                section.add(labels, &side.name, task.measure(testbed, side).await?);
            }
        }
    }
    Ok(())
}

/// Whether a side is ours.
pub(crate) fn is_ours(side: &Side) -> bool {
    side.name == OURS
}
