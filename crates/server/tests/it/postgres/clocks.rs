//! All instances use the server's clock.

use std::time::Duration;

use poltrona_engine::env::clock::Clock;
use poltrona_testkit::wait::wait_for;

use super::opening::in_real_time;

const TEN_MINUTES_MILLIS: i64 = 600_000;
/// How long a hold is here, in milliseconds.
const HOLD_MILLIS: i64 = 2_000;

#[tokio::test]
async fn instances_whose_clocks_are_ten_minutes_wrong_hold_show_and_lapse_by_the_servers() {
    let right = in_real_time(Duration::from_secs(2)).await;
    let early = right.another_by(Clock::wrong_by(-TEN_MINUTES_MILLIS)).await;
    let late = right.another_by(Clock::wrong_by(TEN_MINUTES_MILLIS)).await;
    let session = early.session().await;
    let before = right.place().servers_millis();
    let held = late.reserve(session.seat("A1"), "ana").await.expect(201);
    let after = right.place().servers_millis();
    let (made, ends): (i64, i64) = (
        right.sql("SELECT created_at FROM reservations"),
        right.sql("SELECT expires_at FROM reservations"),
    );
    assert!((before..=after).contains(&made), "{before} {made} {after}");
    assert_eq!(ends - made, HOLD_MILLIS);
    for app in [&early, &late, &right] {
        app.reserve(session.seat("A1"), "bia").await.refused(409, "seat_held");
        assert_eq!(app.status(&held.id()).await, "PENDING");
        assert_eq!(app.seat(&session, "A1").await, ("RESERVED".to_owned(), true));
    }
    let paid = early.reserve(session.seat("A2"), "caio").await.expect(201).id();
    late.pay(&paid).await.expect(201);
    let lapsed = async || (right.place().servers_millis() >= ends).then_some(());
    wait_for("the hold lapses", lapsed).await;
    for app in [&early, &late, &right] {
        assert_eq!(app.status(&held.id()).await, "EXPIRED");
        assert_eq!(app.seat(&session, "A1").await, ("AVAILABLE".to_owned(), false));
    }
    // The instance that made it records the lapse, by its own timer.
    let written = "SELECT status FROM reservations WHERE user_id = 'ana'";
    let written = async || (right.sql::<String>(written) == "EXPIRED").then_some(());
    wait_for("the lapse is written down", written).await;
    let late_by = right.place().servers_millis() - ends;
    assert!(late_by < TEN_MINUTES_MILLIS / 20, "{late_by} ms after the end");
    early.reserve(session.seat("A1"), "bia").await.expect(201);
}
