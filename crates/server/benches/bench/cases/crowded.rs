//! Holds that lapse by the thousand while people reserve as fast as they can: how late does the last one
//! lapse?
//!
//! All reserve and nobody pays, so that from the first lapse on as many holds lapse as were made a while
//! ago. The oldest hold that should have lapsed is asked of the database again and again.

use std::cell::Cell;
use std::process::Stdio;
use std::time::{Duration, Instant};

use poltrona_domain::Timestamp;
use poltrona_engine::env::clock::Clock;
use poltrona_testkit::sql::Connection;
use poltrona_testkit::wait::try_wait_for;

use super::reserve::one_each;
use crate::census::Census;
use crate::data::Data;
use crate::house::House;
use crate::load::{CLIENTS, closed_loop};
use crate::report::{Spread, Table, Wanted, verdict};
use crate::requests::Queue;
use crate::server::Server;
use crate::setup::{PAUSE, Setup};

/// How long a hold lasts; people reserve for so long before anything is measured.
const HOLD: Duration = Duration::from_secs(3);
/// How many windows of the other cases it is measured for.
const WINDOWS: u32 = 3;
/// How late a lapse may be that is not worth an alert.
const WANTED_SECS: f64 = 2.0;

/// The figures of a run.
pub(super) struct Crowded {
    /// Reservations a second.
    reserved: f64,
    /// Lapses a second.
    lapsed: f64,
    /// By how much the last lapse was late at worst.
    latest_secs: f64,
}

/// Has people reserve on data where all seats are free, and waits until nothing is held any more.
pub(super) async fn lapse(
    setup: &Setup,
    house: &House,
    data: &Data,
    instances: usize,
) -> anyhow::Result<Crowded> {
    let logs = (0..instances).map(|_| Stdio::null()).collect();
    let server =
        Server::instances(setup, data, &["--hold-ttl=3s", "--log-level=warn"], logs).await?;
    let (queue, database) = (Queue::of_seats(&house.scattered()), data.open());
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
    let reservations = i64::try_from(queue.taken())?;
    let free = House::seat_count();
    let census = Census { free, held: 0, sold: 0, reservations, sales: 0 };
    Census::expect(&server.stop()?, &census)?;
    let a_second = |command: &str| {
        let series = format!(r#"poltrona_commands_total{{command="{command}",outcome="done"}}"#);
        after.since(&before, &series) / took
    };
    Ok(Crowded {
        reserved: a_second("reserve"),
        lapsed: a_second("expire"),
        latest_secs: latest.get().as_secs_f64(),
    })
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

/// Prints a table, with a row for each number of instances.
pub(super) fn print(title: &str, rows: &[(usize, &Vec<Crowded>)]) {
    let mut table = Table::new(
        format!("{title}, while 64 people reserve as fast as they can"),
        &["instances", "reserved a second", "lapsed a second", "latest lapse, s late"],
    );
    for (instances, runs) in rows {
        let of = |value: fn(&Crowded) -> f64| Spread::of(runs, value).to_string();
        table.row(vec![
            instances.to_string(),
            of(|run| run.reserved),
            of(|run| run.lapsed),
            of(|run| run.latest_secs),
        ]);
    }
    table.print();
    for (instances, runs) in rows {
        let latest = Spread::of(runs, |run| run.latest_secs).median;
        let what = format!("the latest lapse with {instances} instances, s late");
        verdict(&what, latest, Wanted::AtMost(WANTED_SECS));
    }
    println!();
}
