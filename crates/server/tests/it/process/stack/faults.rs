//! An engine fails while a crowd is buying.

use std::time::{Duration, Instant};

use poltrona_testkit::wait::wait_for;

use super::instances::{EVERYONE, Stack};

/// Waits for a while of the crowd's time. Nothing depends on its exact length.
async fn a_while(millis: u64) {
    let since = Instant::now();
    let over = || (since.elapsed() > Duration::from_millis(millis)).then_some(());
    wait_for("a while has gone by", async || over()).await;
}

impl Stack {
    /// Waits until every instance's readiness has this status.
    async fn all_say(&self, status: &str) {
        for instance in &self.instances {
            wait_for(format!("an instance is {status}"), async || {
                let readiness = instance.get("/readyz").json();
                (readiness["status"] == status).then_some(())
            })
            .await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_forgets_and_goes_away_costs_speed_and_nothing_else() {
    let mut stack = Stack::start().await;
    let mut crowd = stack.crowd(EVERYONE, 12);
    for _ in 0..20 {
        stack.redis.empty();
        a_while(100).await;
    }
    stack.redis.pause();
    a_while(1_000).await;
    stack.redis.resume();
    stack.redis.kill();
    stack.all_say("degraded").await;
    assert!(crowd.is_running());
    stack.redis.start_again().await;
    stack.all_say("ready").await;
    crowd.content().await;
    stack.balances();
}

#[tokio::test(flavor = "multi_thread")]
async fn sales_go_on_without_a_broker_and_its_events_wait_for_it() {
    let mut stack = Stack::start().await;
    let mut crowd = stack.crowd(EVERYONE, 15);
    a_while(3_000).await;
    stack.rabbit.kill();
    stack.all_say("degraded").await;
    let before = stack.sales();
    wait_for("sales go on", async || (stack.sales() > before).then_some(())).await;
    assert!(crowd.is_running());
    stack.rabbit.start_again().await;
    stack.all_say("ready").await;
    crowd.content().await;
    stack.balances();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_killed_comes_back_with_everything_that_was_acknowledged() {
    let mut stack = Stack::start().await;
    let mut crowd = stack.crowd(EVERYONE, 40);
    for _ in 0..2 {
        a_while(1_500).await;
        stack.postgres.kill();
        stack.all_say("unavailable").await;
        stack.postgres.start_again().await;
        stack.all_say("ready").await;
    }
    assert!(crowd.is_running());
    crowd.content().await;
    stack.balances();
}
