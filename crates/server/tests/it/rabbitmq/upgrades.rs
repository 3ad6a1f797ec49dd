//! Messages of the version before, in the queues and among the dead letters.

use poltrona::app::dead_letters::replay;
use poltrona_testkit::engines;
use serde_json::Value;

use super::client::Client;
use super::opening::{buy, open};
use crate::read_models::agreement;
use crate::upgrades::as_version_1;

const MESSAGES: [&str; 2] =
    ["01900000-0000-7000-8000-0000000000aa", "01900000-0000-7000-8000-0000000000ab"];

#[tokio::test]
async fn messages_and_dead_letters_of_the_version_before_act_to_the_cent() {
    let vhost = engines::vhost().await;
    let app = open(&vhost).await;
    let client = Client::connect(vhost.url()).await;
    app.record_events();
    let session = app.session().await;
    buy(&app, &session, 0).await;
    app.settle().await;
    agreement(&app).await;
    let paid = |event: &Value| event["type"] == "payment.confirmed";
    let sale: Vec<_> = app.events().into_iter().filter(paid).collect();
    let old = as_version_1(&sale).to_string();
    let revenue = || app.sql::<i64>("SELECT sum(revenue_cents) FROM sales_by_hour");
    assert_eq!(revenue(), 2_550);
    client.send("payments", MESSAGES[0], &old).await;
    app.wait_until("the message acts", || revenue() == 5_100).await;
    client.send("payments.dlq", MESSAGES[1], &old).await;
    replay(app.config(), Some("payments"), 10).await.expect("it is sent back");
    app.wait_until("the dead letter acts", || revenue() == 7_650).await;
}
