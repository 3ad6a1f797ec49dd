//! Box offices on a server's own clock.

use std::sync::Arc;
use std::time::Duration;

use poltrona_engine::env::clock::Clock;
use poltrona_testkit::app::TestApp;
use poltrona_testkit::place::Place;

/// A box office on a server whose holds are this long, by the server's own clock.
pub(super) async fn in_real_time(hold_ttl: Duration) -> TestApp {
    let place = Arc::new(Place::server().await);
    let opened = TestApp::try_at(place, Clock::System, |config| config.hold_ttl = hold_ttl).await;
    opened.expect("it opens")
}
