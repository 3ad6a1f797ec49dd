//! Instances come and go in good order, as in a release that rolls out.

use super::{EVERYONE, Stack};
use crate::process::client::Connection;

#[tokio::test(flavor = "multi_thread")]
async fn instances_restart_one_after_the_other_under_a_crowd() {
    let mut stack = Stack::start().await;
    let crowd = stack.crowd(EVERYONE, 8);
    for place in 0..3 {
        let (next, port) = (stack.instance(&[]), stack.instances[place].address());
        let mut last = std::mem::replace(&mut stack.instances[place], next);
        last.terminate();
        assert_eq!(last.ended().code(), Some(0));
        assert!(Connection::open(port).is_err(), "nobody listens there any more");
    }
    crowd.content().await;
    stack.balances().await;
}
