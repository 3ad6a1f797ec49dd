//! Redis is slow, away, or does not let the program in.

use std::time::{Duration, Instant};

use poltrona_testkit::app::TestApp;
use poltrona_testkit::engines::Redis;
use serde_json::json;

use super::marks::{Marks as _, open_as, open_with, outcomes, refuse_once};

/// How long Redis may take, unless a story sets another limit.
const LIMIT: Duration = Duration::from_millis(50);

/// Far more than the limit, far less than a client would wait.
const SOON: Duration = Duration::from_secs(2);

/// Reserves a seat; fails unless that was quick.
async fn reserves(app: &TestApp, seat: &str) {
    let began = Instant::now();
    app.reserve(seat, "ana").await.expect(201);
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
}

async fn until_reached(app: &TestApp, reached: bool) {
    let lock = &app.engine().seat_lock;
    app.wait_until("the breaker moved", || lock.state() == Some(reached)).await;
}

/// Whether the page shows that Redis is asked no more; if so, it must show that it is not up.
async fn breaker_open(app: &TestApp) -> bool {
    let page = app.get("/metrics").await.expect(200).lossy();
    let says = |line: &str| page.lines().any(|it| it == line);
    let open = says("poltrona_seat_lock_breaker_open 1");
    let up = u8::from(!open);
    assert!(says(&format!(r#"poltrona_engine_up{{engine="redis"}} {up}"#)), "{page}");
    open
}

#[tokio::test]
async fn without_redis_the_database_alone_answers_and_its_return_is_noticed() {
    let mut redis = Redis::start().await;
    let app = open_with(&redis).await;
    let session = app.session().await;
    reserves(&app, session.seat("A1")).await;
    redis.kill();
    reserves(&app, session.seat("A2")).await;
    refuse_once(&app, &session, &["A1"]).await.refused(409, "seat_held");
    until_reached(&app, false).await;
    assert!(breaker_open(&app).await);
    let ready = app.get("/readyz?verbose").await.expect(200);
    let checks = json!({ "database": "ok", "redis": "unreachable" });
    assert_eq!(ready.body, json!({ "status": "degraded", "checks": checks }));

    redis.start_again().await;
    until_reached(&app, true).await;
    assert!(!breaker_open(&app).await);
    let ready = app.get("/readyz?verbose").await.expect(200);
    let checks = json!({ "database": "ok", "redis": "ok" });
    assert_eq!(ready.body, json!({ "status": "ready", "checks": checks }));
    let granted = outcomes(&app, "granted");
    reserves(&app, session.seat("A3")).await;
    assert_eq!(outcomes(&app, "granted"), granted + 1);
}

#[tokio::test]
async fn a_redis_that_hangs_is_not_waited_for_and_after_a_while_not_even_asked() {
    let redis = Redis::start().await;
    let app = open_as(&redis.url(), |config| config.redis_timeout = LIMIT).await;
    let session = app.session().await;
    redis.pause();
    let mut seats = session.all_seats().into_iter();
    while app.engine().seat_lock.state() == Some(true) {
        reserves(&app, seats.next().expect("five failures are enough")).await;
    }
    let failed = outcomes(&app, "failed");
    assert!((1..=5).contains(&failed), "{failed}");
    reserves(&app, seats.next().unwrap()).await;
    assert_eq!(outcomes(&app, "failed"), failed);
    redis.resume();
    until_reached(&app, true).await;
    // The commands that it got while it hung do no harm.
    refuse_once(&app, &session, &["A1"]).await.refused(409, "seat_held");
}

#[tokio::test]
async fn a_seat_given_back_while_redis_hangs_is_free_when_it_goes_on() {
    let redis = Redis::start().await;
    let app = open_as(&redis.url(), |config| config.redis_timeout = LIMIT).await;
    let session = app.session().await;
    let held = app.reserve(session.seat("A1"), "ana").await.expect(201).id();
    refuse_once(&app, &session, &["A1"]).await;
    redis.pause();
    app.cancel(&held).await.expect(204);
    redis.resume();
    until_reached(&app, true).await;
    app.reserve(session.seat("A1"), "bia").await.expect(201);
}

#[tokio::test]
async fn a_program_that_starts_before_redis_serves_and_finds_it_later() {
    let mut redis = Redis::start().await;
    redis.kill();
    let app = TestApp::with(|config| {
        config.redis_url = Some(poltrona::config::Secret::new(redis.url()));
    })
    .await;
    let session = app.session().await;
    reserves(&app, session.seat("A1")).await;
    assert_eq!(app.get("/readyz").await.expect(200).body, json!({ "status": "degraded" }));
    redis.start_again().await;
    until_reached(&app, true).await;
    assert_eq!(app.get("/readyz").await.expect(200).body, json!({ "status": "ready" }));
}

#[tokio::test]
async fn a_user_who_may_not_run_scripts_is_found_out_before_anyone_waits() {
    let redis = Redis::start().await;
    redis.ask::<()>(&["ACL", "SETUSER", "box", "on", ">pass", "-@all", "+ping", "~*"]);
    let app = TestApp::with(|config| {
        config.redis_url = Some(poltrona::config::Secret::new(redis.url_for("box:pass@", "")));
    })
    .await;
    let session = app.session().await;
    reserves(&app, session.seat("A1")).await;
    assert_eq!(app.engine().seat_lock.state(), Some(false));
    assert_eq!(outcomes(&app, "failed"), 0);
}

#[tokio::test]
async fn a_late_effect_in_redis_is_undone_or_correct() {
    let redis = Redis::start().await;
    let app = open_as(&redis.url(), |config| config.redis_timeout = LIMIT).await;
    let session = app.session().await;
    app.reserve(session.seat("A2"), "ana").await.expect(201);
    redis.ask::<()>(&["FLUSHALL"]);
    redis.pause();
    let refused = app.reserve_all(&session.seats(["A1", "A2"]), "bia").await;
    refused.refused(409, "seat_held");
    let held = app.reserve(session.seat("A3"), "caio").await.expect(201).id();
    redis.resume();
    app.wait_until("it went on", || redis.mark(&session, "A3").starts_with(&held)).await;
    // All this went over one connection, and so in order.
    assert_eq!(redis.mark(&session, "A1"), "");
    let somebody = "00000000-0000-0000-0000-000000000000 ";
    assert!(redis.mark(&session, "A2").starts_with(somebody), "{}", redis.mark(&session, "A2"));
}
