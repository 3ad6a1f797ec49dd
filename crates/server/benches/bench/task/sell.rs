//! Fresh seats, each reserved once, and perhaps paid.

use std::cell::RefCell;
use std::time::Instant;

use anyhow::ensure;

use super::meter::Meter;
use super::plan::Task;
use super::syncs::Syncs;
use crate::ceiling;
use crate::census::Census;
use crate::client::Connection;
use crate::data::Data;
use crate::house::Order;
use crate::load::closed_loop;
use crate::report::{Measure, Sample, as_f64};
use crate::requests::{Queue, confirm};
use crate::setup::Side;
use crate::testbed::{Engines, Testbed};
use crate::times::Times;

/// How long the two requests of each purchase took, since it was last emptied.
#[derive(Default)]
struct Halves {
    reserve: Times,
    confirm: Times,
}

/// Sells for a while, waits until all events have had their effect, and audits the books.
pub(super) async fn sell(
    testbed: &Testbed,
    side: &Side,
    task: &Task,
    data: &Data,
    order: Order,
    pays: bool,
) -> anyhow::Result<Sample> {
    let (setup, ours) = (&testbed.setup, side.program.is_some());
    let seats = task.house.free(order, setup.most_seats());
    let queue = Queue::of_seats(&seats);
    let halves = RefCell::new(Halves::default());
    let call = async |connection: &mut Connection| {
        if pays { buy(&queue, &halves, connection).await } else { next(&queue, connection).await }
    };
    let syncs_before = match task.engines {
        Engines::Embedded => 0,
        _ => testbed.postgres().await.syncs(),
    };
    let server = task.open(testbed, side, data).await?;
    let addresses = server.addresses();
    closed_loop(&addresses, task.clients, setup.warm_up(), &call).await?;
    drop(halves.take());
    let tracer = task.strace.then(|| Syncs::trace(setup, &server)).transpose()?;
    let before = Meter::read(testbed, &server, ours).await?;
    let mut ran = closed_loop(&addresses, task.clients, setup.window, &call).await?;
    let ended = Instant::now();
    let after = Meter::read(testbed, &server, ours).await?;
    let made = queue.taken();
    ensure!(made < seats.len(), "the seats ran out: choose fewer --seconds");
    let mut sample = Sample::default();
    after.add_to(&mut sample, &before, &mut ran);
    if let Some(tracer) = tracer {
        sample.add(Measure::Syncs, tracer.count()? / as_f64(ran.times.count()));
    }
    if !ours {
        ceiling::expect(&server.kill(), made)?;
        return Ok(sample);
    }
    let (held, sold) = if pays { (0, made) } else { (made, 0) };
    let census = Census::of_singles(&task.house, held, sold);
    census.settle(data).await?;
    sample.add(Measure::SettledSecs, ended.elapsed().as_secs_f64());
    let data = server.stop()?;
    census.expect(&data)?;
    data.expect_projections()?;
    if let (Data::Database(database), Engines::Postgres) = (&data, task.engines) {
        let postgres = testbed.postgres().await;
        let done = postgres.done(database).await?;
        sample.add(Measure::Hot, as_f64(done.seats_hot) / as_f64(done.seats_updated));
        // Counted from before the start, for a process reports its work late.
        let syncs = postgres.syncs() - syncs_before;
        sample.add(Measure::Syncs, as_f64(syncs) / as_f64(made));
    }
    halves.take().add_to(&mut sample, pays);
    Ok(sample)
}

impl Halves {
    fn add_to(mut self, sample: &mut Sample, pays: bool) {
        if pays {
            sample
                .add(Measure::ReserveP50Ms, self.reserve.millis_at(0.5))
                .add(Measure::ReserveP99Ms, self.reserve.millis_at(0.99))
                .add(Measure::ConfirmP50Ms, self.confirm.millis_at(0.5))
                .add(Measure::ConfirmP99Ms, self.confirm.millis_at(0.99));
        }
    }
}

/// A call that reserves the next seat, which has to be free.
pub(crate) fn one_each(queue: &Queue) -> impl AsyncFn(&mut Connection) -> anyhow::Result<bool> {
    async |connection: &mut Connection| next(queue, connection).await
}

async fn next(queue: &Queue, connection: &mut Connection) -> anyhow::Result<bool> {
    let Some((_, request)) = queue.take() else { return Ok(false) };
    connection.ask(request).await?.expect(201)?;
    Ok(true)
}

/// Reserves the next seat, and pays it.
async fn buy(
    queue: &Queue,
    halves: &RefCell<Halves>,
    connection: &mut Connection,
) -> anyhow::Result<bool> {
    let Some((_, request)) = queue.take() else { return Ok(false) };
    let began = Instant::now();
    let answer = connection.ask(request).await?;
    answer.expect(201)?;
    let request = confirm(answer.id()?);
    let reserved = Instant::now();
    connection.ask(&request).await?.expect(201)?;
    let mut halves = halves.borrow_mut();
    halves.reserve.add(reserved - began);
    halves.confirm.add(reserved.elapsed());
    Ok(true)
}
