//! An instance is killed between two steps that must not be torn apart.

use poltrona_engine::failpoint::Failpoint;

use super::instances::{EVERYONE, Stack};

/// The arrival at a place at which the instance ends: late enough that other requests are busy.
const TIME: &str = "40";

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_may_end_anywhere() {
    assert!(
        Failpoint::is_built_in(),
        "this test ends the program at places that are compiled in with `--features chaos`, as \
         scripts/test does"
    );
    let mut stack = Stack::start().await;
    for place in Failpoint::ALL {
        let place_and_time = format!("{}:{TIME}", place.name());
        stack.instances[2] = stack.instance(0, &[("CHAOS_KILL_AT", &place_and_time)]);
        let crowd = stack.crowd(EVERYONE, 3);
        stack.instances[2].ended();
        crowd.content().await;
        stack.balances();
    }
}
