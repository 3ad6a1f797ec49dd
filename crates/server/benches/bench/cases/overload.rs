//! More than it can do: over a disk so slow that ten times the peak is easily offered, how much is still
//! done.
//!
//! Each commit is made to last thirty milliseconds longer, and takes three commands, ten or thirty: some
//! 100, 300 and 1,000 a second. How many it is, the peak, is measured by callers who ask again when they are
//! answered; requests then come in multiples of that, on a schedule that no answer can move. The peak is
//! measured once more at the end, and the lesser counts: the machine may be slower by then.

use std::process::Stdio;
use std::time::Duration;

use anyhow::ensure;
use poltrona_engine::failpoint::Failpoint;

use crate::census::Census;
use crate::house::{House, Order};
use crate::load::{CLIENTS, closed_loop};
use crate::open_loop::{Answered, Kind, Schedule, open_loop};
use crate::report::{Measure, Sample, Section, as_f64, label};
use crate::requests::Queue;
use crate::server::{Server, Start};
use crate::setup::{Setup, Side};
use crate::task::{is_ours, one_each};
use crate::testbed::{Engines, Testbed};

/// By how much a commit is longer: so much that the rest of it, which varies, hardly counts.
const COMMIT_DELAY: Duration = Duration::from_millis(30);
/// How many commands a commit takes: some thirty times as many are done in a second.
const BATCHES: [u16; 3] = [3, 10, 30];
/// Callers who wait for as long as a request may last.
const PATIENT: Duration = Duration::from_secs(10);
/// Callers who hang up before a command in the queue would.
const HASTY: Duration = Duration::from_secs(2);
/// The most that is offered, in multiples of what can be done.
const HIGHEST: u16 = 10;
/// The offered load, and how long callers wait.
const OFFERS: [(u16, Duration); 5] =
    [(1, PATIENT), (2, PATIENT), (5, PATIENT), (HIGHEST, PATIENT), (HIGHEST, HASTY)];
/// The part of both that `--check` measures.
const CHECKED: ([u16; 1], [(u16, Duration); 3]) =
    ([10], [(1, PATIENT), (HIGHEST, PATIENT), (HIGHEST, HASTY)]);
/// The least share that passes a check: without its rules the ledger did 0.2 to 0.5, and a machine that is
/// busy with other work takes something off the rest.
const PASSES: f64 = 0.7;
/// How long load lasts before it is measured: a command waits for five seconds at most, so that the queue
/// is as long as it will ever be.
const WARM_UP: Duration = Duration::from_secs(6);
/// How many windows of the other cases it is measured for, for so little is done in a second.
const WINDOWS: u32 = 5;

const COLUMNS: [Measure; 13] = [
    Measure::Peak,
    Measure::Offered,
    Measure::Rate,
    Measure::OfPeak,
    Measure::P50Ms,
    Measure::P99Ms,
    Measure::Overloaded,
    Measure::OverloadedP50Ms,
    Measure::OverloadedP99Ms,
    Measure::OutcomeUnknown,
    Measure::Conflicts,
    Measure::Left,
    Measure::Others,
];

/// An offered load, and its outcome.
struct Run {
    load: u16,
    patience: Duration,
    rate: f64,
    answered: Answered,
}

pub(super) async fn run(testbed: &Testbed) -> anyhow::Result<Vec<Section>> {
    ensure!(Failpoint::is_built_in(), "the disk is made slow by `--features poltrona/chaos`");
    let check = testbed.setup.check;
    let (batches, offers) =
        if check { (&CHECKED.0[..], &CHECKED.1[..]) } else { (&BATCHES[..], &OFFERS[..]) };
    let title = format!("More than it can do: {COMMIT_DELAY:?} more for a commit");
    let mut section = Section::new("overload", title, &COLUMNS);
    let mut missed = false;
    for side in &testbed.setup.programs() {
        for &batch in batches {
            let before = peak(testbed, side, batch).await?;
            let mut runs = Vec::new();
            for &offered in offers {
                runs.push(offer(testbed, side, batch, before, offered).await?);
            }
            // The machine may be slower by now: the lesser counts.
            let peak = before.min(peak(testbed, side, batch).await?);
            let mut least = f64::INFINITY;
            for run in runs {
                let labels = [
                    label("commands in a commit", batch),
                    label("offered", format!("{}×", run.load)),
                    label("callers wait", format!("{:?}", run.patience)),
                ];
                let is_highest = run.load == HIGHEST;
                let sample = sample(testbed, peak, run);
                if is_highest {
                    least = least.min(sample.get(Measure::OfPeak));
                }
                section.add(&labels, &side.name, sample);
            }
            if is_ours(side) {
                section.judge(&format!("overload_{batch}"), least);
                missed |= least < PASSES;
            }
        }
    }
    ensure!(!check || !missed, "of what it can do, it does too little:\n{section}");
    Ok(vec![section])
}

async fn peak(testbed: &Testbed, side: &Side, batch: u16) -> anyhow::Result<f64> {
    let (house, window) = (House::LARGE, window(&testbed.setup));
    let queue = Queue::of_seats(&house.free(Order::Scattered, testbed.setup.most_seats()));
    let server = open(testbed, side, batch).await?;
    let addresses = server.addresses();
    closed_loop(&addresses, CLIENTS, testbed.setup.warm_up(), &one_each(&queue)).await?;
    let ran = closed_loop(&addresses, CLIENTS, window, &one_each(&queue)).await?;
    Census::of_singles(&house, queue.taken(), 0).expect(&server.stop()?)?;
    Ok(as_f64(ran.times.count()) / ran.took.as_secs_f64())
}

async fn offer(
    testbed: &Testbed,
    side: &Side,
    batch: u16,
    peak: f64,
    (load, patience): (u16, Duration),
) -> anyhow::Result<Run> {
    let server = open(testbed, side, batch).await?;
    let rate = f64::from(load) * peak;
    let schedule = Schedule { rate, warm_up: WARM_UP, window: window(&testbed.setup), patience };
    let seats = House::LARGE.free(Order::Scattered, schedule.requests());
    ensure!(seats.len() == schedule.requests(), "there are not seats enough");
    let answered = open_loop(server.address(), schedule, &Queue::of_seats(&seats)).await?;
    // A command that was begun when its caller left is done before the end.
    let data = server.stop()?;
    Census::expect_held(&House::LARGE, &data, answered.done, answered.unknown)?;
    answered.expect_offered()?;
    Ok(Run { load, patience, rate, answered })
}

async fn open(testbed: &Testbed, side: &Side, batch: u16) -> anyhow::Result<Server> {
    let data = testbed.fresh(side, Engines::Embedded, &House::LARGE).await?;
    let program = side.program.as_deref().unwrap_or(&testbed.setup.program);
    // Holds that outlast the run, for a lapse is a command too.
    let flags = [format!("--batch-max={batch}"), "--hold-ttl=1h".to_owned()];
    let flags = flags.into_iter().chain(testbed.setup.with.iter().cloned()).collect();
    let (logs, commit_delay) = (vec![Stdio::null()], Some(COMMIT_DELAY));
    Server::start(Start { program, data: &data, flags, logs, commit_delay }).await
}

fn window(setup: &Setup) -> Duration {
    setup.window * WINDOWS
}

fn sample(testbed: &Testbed, peak: f64, run: Run) -> Sample {
    let Run { rate, mut answered, .. } = run;
    let seconds = window(&testbed.setup).as_secs_f64();
    let count = |kind| as_f64(answered.count(kind));
    let (done, overloaded) = (count(Kind::Success) / seconds, count(Kind::Overloaded) / seconds);
    let mut sample = Sample::default();
    sample
        .add(Measure::Peak, peak)
        .add(Measure::Offered, rate)
        .add(Measure::Rate, done)
        .add(Measure::OfPeak, done / peak)
        .add(Measure::Overloaded, overloaded)
        .add(Measure::OutcomeUnknown, count(Kind::OutcomeUnknown))
        .add(Measure::Conflicts, count(Kind::Conflict))
        .add(Measure::Left, count(Kind::Left))
        .add(Measure::Others, count(Kind::Other))
        .add(Measure::P50Ms, answered.successes.millis_at(0.5))
        .add(Measure::P99Ms, answered.successes.millis_at(0.99))
        .add(Measure::OverloadedP50Ms, answered.refusals.millis_at(0.5))
        .add(Measure::OverloadedP99Ms, answered.refusals.millis_at(0.99));
    sample
}
