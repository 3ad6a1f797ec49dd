//! Instances stop and start one after the other, as in a rolling release.

use super::instances::{EVERYONE, Stack};
use poltrona_testkit::wait::wait_for;

#[tokio::test(flavor = "multi_thread")]
async fn instances_restart_one_after_the_other_under_a_crowd() {
    let mut stack = Stack::start().await;
    let crowd = stack.crowd(EVERYONE, 8);
    wait_for("the crowd buys", async || (stack.sales() > 0).then_some(())).await;
    for place in 0..3 {
        let last = &mut stack.instances[place];
        last.terminate();
        assert_eq!(last.ended().code(), Some(0));
        let port = last.address().port();
        stack.instances[place] = stack.instance(port, &[]);
    }
    crowd.content().await;
    stack.balances();
}
