//! More than it can do: over a disk so slow that ten times the peak is easily offered, how much is still
//! done.
//!
//! Each commit is made to last thirty milliseconds longer, and takes three commands, ten or thirty: some
//! 100, 300 and 1,000 a second. How many it is, the peak, is measured by callers who ask again when they are
//! answered; requests then come in multiples of that, on a schedule that no answer can move. The peak is
//! measured once more at the end, and the lesser counts: the machine may be slower by then.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use poltrona_domain::SeatId;
use poltrona_engine::failpoint::Failpoint;

use super::reserve::one_each;
use crate::census::Census;
use crate::data::Data;
use crate::house::House;
use crate::load::{CLIENTS, closed_loop};
use crate::open_loop::{Answered, Kind, Schedule, open_loop};
use crate::report::{Table, Wanted, as_f64, figure, verdict};
use crate::requests::Queue;
use crate::server::Server;
use crate::setup::Setup;
use crate::times::Times;

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
/// The least share of the peak that is to be done at the highest load.
const WANTED: f64 = 0.9;
/// The least share that passes a check: without its rules the ledger did 0.2 to 0.5, and a machine that is
/// busy with other work takes something off the rest.
const PASSES: f64 = 0.7;
/// How long load lasts before it is measured: a command waits for five seconds at most, so that the queue
/// is as long as it will ever be.
const WARM_UP: Duration = Duration::from_secs(6);
/// How many windows of the other cases it is measured for, for so little is done in a second.
const WINDOWS: u32 = 5;

/// A disk, and what the program can do over it.
struct Slowed {
    /// How many commands a commit takes.
    batch: u16,
    /// Reservations a second by callers who wait for their answers.
    peak: f64,
}

/// The outcome of an offered load.
struct Run {
    load: u16,
    offered: f64,
    patience: Duration,
    answered: Answered,
}

impl Run {
    /// Successes a second.
    fn goodput(&self, setup: &Setup) -> f64 {
        self.a_second(setup, Kind::Success)
    }

    fn a_second(&self, setup: &Setup, kind: Kind) -> f64 {
        count_as_f64(self.answered.count(kind)) / window(setup).as_secs_f64()
    }
}

pub(super) async fn run(setup: &Setup, house: &House) -> anyhow::Result<()> {
    ensure!(Failpoint::is_built_in(), "the disk is made slow by `--features poltrona/chaos`");
    let (batches, offers) =
        if setup.check { (&CHECKED.0[..], &CHECKED.1[..]) } else { (&BATCHES[..], &OFFERS[..]) };
    let seats = house.scattered();
    let mut missed = false;
    for &batch in batches {
        let mut slowed = Slowed { batch, peak: peak(setup, house, &seats, batch).await? };
        let mut runs = Vec::new();
        for &offered in offers {
            runs.push(offer(setup, house, &seats, &slowed, offered).await?);
        }
        slowed.peak = slowed.peak.min(peak(setup, house, &seats, batch).await?);
        print(setup, &slowed, &mut runs);
        for run in runs.iter().filter(|run| run.load == HIGHEST) {
            let share = run.goodput(setup) / slowed.peak;
            let what = format!("{HIGHEST}×, callers who wait {:?}, beside the peak", run.patience);
            verdict(&what, share, Wanted::AtLeast(WANTED));
            missed |= share < PASSES;
        }
        println!();
    }
    ensure!(!setup.check || !missed, "of what it can do, it does too little");
    Ok(())
}

async fn peak(setup: &Setup, house: &House, seats: &[SeatId], batch: u16) -> anyhow::Result<f64> {
    let (server, queue) = (open(setup, house, batch).await?, Queue::of_seats(seats));
    let addresses = server.addresses();
    closed_loop(&addresses, CLIENTS, setup.warm_up(), &one_each(&queue)).await?;
    let ran = closed_loop(&addresses, CLIENTS, window(setup), &one_each(&queue)).await?;
    count(&server.stop()?, queue.taken(), 0)?;
    Ok(count_as_f64(ran.times.count()) / ran.took.as_secs_f64())
}

async fn offer(
    setup: &Setup,
    house: &House,
    seats: &[SeatId],
    Slowed { batch, peak }: &Slowed,
    (load, patience): (u16, Duration),
) -> anyhow::Result<Run> {
    let server = open(setup, house, *batch).await?;
    let rate = f64::from(load) * peak;
    let schedule = Schedule { rate, warm_up: WARM_UP, window: window(setup), patience };
    let seats = seats.get(..schedule.requests()).context("there are not seats enough")?;
    let answered = open_loop(server.address(), schedule, &Queue::of_seats(seats)).await?;
    // A command that was begun when its caller left is done before the end.
    count(&server.stop()?, answered.done, answered.unknown)?;
    Ok(Run { load, offered: rate, patience, answered })
}

async fn open(setup: &Setup, house: &House, batch: u16) -> anyhow::Result<Server> {
    let data = house.copy(setup, "overload")?;
    let batch = format!("--batch-max={batch}");
    // Holds that outlast the run, for a lapse is a command too.
    Server::slowed(setup, &data, &[&batch, "--hold-ttl=10m"], COMMIT_DELAY).await
}

fn window(setup: &Setup) -> Duration {
    setup.window * WINDOWS
}

/// Counts the seats: of those whose outcome is unknown, any number may be held.
fn count(data: &Data, done: usize, unknown: usize) -> anyhow::Result<()> {
    let held = usize::try_from(Census::take(data)?.held)?;
    ensure!((done..=done + unknown).contains(&held), "{held} seats are held, and {done} are known");
    Census::expect(data, &Census::of_singles(House::seat_count(), held, 0)?)
}

fn print(setup: &Setup, Slowed { batch, peak }: &Slowed, runs: &mut [Run]) {
    let heads = [
        "offered",
        "a second",
        "callers wait",
        "done (201) a second",
        "of the peak",
        "p99 ms",
        "503 `overloaded` a second",
        "p50 ms",
        "p99 ms",
        "503 `outcome_unknown`",
        "409",
        "callers who left",
        "others",
    ];
    let title = format!(
        "overload: {COMMIT_DELAY:?} more for a commit, --batch-max={batch}; peak {} a second",
        figure(*peak)
    );
    let mut table = Table::new(title, &heads);
    for run in runs {
        let goodput = run.goodput(setup);
        let overloaded = run.a_second(setup, Kind::Overloaded);
        let Answered { successes, refusals, .. } = &mut run.answered;
        let done_p99 = millis_at(successes, 0.99);
        let (p50, p99) = (millis_at(refusals, 0.5), millis_at(refusals, 0.99));
        let count = |kind| run.answered.count(kind).to_string();
        table.row(vec![
            format!("{}×", run.load),
            figure(run.offered),
            format!("{:?}", run.patience),
            figure(goodput),
            figure(goodput / peak),
            done_p99,
            figure(overloaded),
            p50,
            p99,
            count(Kind::OutcomeUnknown),
            count(Kind::Conflict),
            count(Kind::Left),
            count(Kind::Other),
        ]);
    }
    table.print();
}

/// Empty where there is nothing.
fn millis_at(times: &mut Times, share: f64) -> String {
    if times.count() == 0 { String::new() } else { figure(times.millis_at(share)) }
}

fn count_as_f64(count: usize) -> f64 {
    as_f64(i64::try_from(count).unwrap_or(i64::MAX))
}
