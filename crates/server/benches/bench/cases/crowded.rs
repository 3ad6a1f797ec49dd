//! Holds that lapse by the thousand while people reserve as fast as they can: how late does the last one
//! lapse?
//!
//! All reserve and nobody pays, so that from the first lapse on as many holds lapse as were made a while
//! ago. The oldest hold that should have lapsed is asked of the database again and again.

use std::cell::Cell;
use std::time::{Duration, Instant};

use poltrona_domain::Timestamp;
use poltrona_engine::env::clock::Clock;
use poltrona_testkit::sql::Connection;
use poltrona_testkit::wait::try_wait_for;

use crate::census::Census;
use crate::house::{House, Order};
use crate::load::{CLIENTS, closed_loop};
use crate::report::{Measure, Sample};
use crate::requests::Queue;
use crate::setup::{PAUSE, Side};
use crate::task::{one_each, start};
use crate::testbed::{Engines, Testbed};

/// Its columns.
pub(super) const COLUMNS: [Measure; 3] = [Measure::Reserved, Measure::Lapsed, Measure::LatestSecs];
/// How long a hold lasts; people reserve for so long before anything is measured.
const HOLD: Duration = Duration::from_secs(3);
/// How many windows of the other cases it is measured for.
const WINDOWS: u32 = 3;

/// Has people reserve on data where all seats are free, and waits until nothing is held any more.
pub(super) async fn lapse(
    testbed: &Testbed,
    side: &Side,
    engines: Engines,
    instances: usize,
) -> anyhow::Result<Sample> {
    let (setup, house) = (&testbed.setup, House::LARGE);
    let data = testbed.fresh(side, engines, &house).await?;
    let flags = ["--hold-ttl=3s", "--log-level=warn"];
    let server = start(testbed, side, &data, instances, &flags).await?;
    let seats = house.free(Order::Scattered, usize::MAX);
    let (queue, database) = (Queue::of_seats(&seats), data.open());
    let latest = Cell::new(Duration::ZERO);
    let addresses = server.addresses();
    let reserve =
        async |lasting| closed_loop(&addresses, CLIENTS, lasting, &one_each(&queue)).await;
    let watched = async |lasting| {
        tokio::select! {
            ran = reserve(lasting) => ran,
            () = watch(&database, &latest) => unreachable!("it watches for ever"),
        }
    };
    watched(HOLD + setup.warm_up()).await?;
    let (before, began) = (server.metrics().await?, Instant::now());
    watched(setup.window * WINDOWS).await?;
    let (after, took) = (server.metrics().await?, began.elapsed().as_secs_f64());
    try_wait_for("holds have lapsed", PAUSE, async || {
        let overdue = overdue(&database);
        latest.set(latest.get().max(overdue.unwrap_or_default()));
        anyhow::Ok(overdue.is_none())
    })
    .await?;
    let made = queue.taken();
    Census::of_lapsed(&house, made).expect(&server.stop()?)?;
    let a_second = |command: &str| {
        let series = format!(r#"poltrona_commands_total{{command="{command}",outcome="done"}}"#);
        after.since(&before, &series) / took
    };
    let mut sample = Sample::default();
    sample
        .add(Measure::Reserved, a_second("reserve"))
        .add(Measure::Lapsed, a_second("expire"))
        .add(Measure::LatestSecs, latest.get().as_secs_f64());
    Ok(sample)
}

/// Notes for ever by how much the last lapse is late.
async fn watch(database: &Connection, latest: &Cell<Duration>) {
    loop {
        latest.set(latest.get().max(overdue(database).unwrap_or_default()));
        tokio::time::sleep(PAUSE * 10).await;
    }
}

/// By how much the oldest hold is overdue, if there is a hold.
fn overdue(database: &Connection) -> Option<Duration> {
    let oldest = "SELECT coalesce(min(expires_at), -1) FROM reservations WHERE status = 'PENDING'";
    let oldest = database.count(oldest);
    (oldest >= 0).then(|| Timestamp::from_millis(oldest).until(Clock::System.now()))
}
