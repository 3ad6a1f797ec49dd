//! What is so of a PostgreSQL alone, whatever the other stories are told of: instances that share it,
//! its locks, its clock, and what befalls it.

mod clocks;
mod faults;
mod instances;
mod migrating;
mod settings;
mod starting;
mod sweeping;
mod waiting;

use std::sync::Arc;
use std::time::Duration;

use poltrona_engine::env::clock::Clock;
use poltrona_testkit::app::TestApp;
use poltrona_testkit::place::Place;
use poltrona_testkit::wait::wait_for;

/// A box office on a server whose holds are this long, by the server's own clock.
async fn in_real_time(hold_ttl: Duration) -> TestApp {
    let place = Arc::new(Place::server().await);
    let opened = TestApp::try_at(place, Clock::System, |config| config.hold_ttl = hold_ttl).await;
    opened.expect("it opens")
}

/// Waits until so many connections wait for a lock.
async fn wait_for_waiting(place: &Place, count: i64) {
    wait_for(format!("{count} wait"), async || (place.waiting() >= count).then_some(())).await;
}
