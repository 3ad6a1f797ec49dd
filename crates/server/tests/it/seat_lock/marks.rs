//! Marks in Redis as stories see and forge them, and box offices that have reached it.

use std::time::Duration;

use poltrona::config::{Config, Secret};
use poltrona_engine::observe::metrics::Readings;
use poltrona_testkit::app::{Answer, Session, TestApp};
use poltrona_testkit::engines::Redis;

/// Far longer than any machine needs, for stories about something else than slowness.
const PATIENT: Duration = Duration::from_secs(10);

/// The marks in a Redis.
pub(super) trait Marks {
    /// The mark on a seat; empty when there is none.
    fn mark(&self, session: &Session, number: &str) -> String;
    /// Puts a mark on a seat for ten minutes, behind the program's back.
    fn set_mark(&self, session: &Session, number: &str, mark: &str);
}

impl Marks for Redis {
    fn mark(&self, session: &Session, number: &str) -> String {
        self.ask::<Option<String>>(&["GET", &key(session, number)]).unwrap_or_default()
    }

    fn set_mark(&self, session: &Session, number: &str, mark: &str) {
        self.ask::<()>(&["SET", &key(session, number), mark, "EX", "600"]);
    }
}

/// A box office that has reached this Redis.
pub(super) async fn open_with(redis: &Redis) -> TestApp {
    open_as(&redis.url(), |_| {}).await
}

/// A box office that has reached the Redis at `url`, with other settings.
pub(super) async fn open_as(url: &str, change: impl FnOnce(&mut Config)) -> TestApp {
    let app = TestApp::with(|config| {
        config.redis_url = Some(Secret::new(url));
        config.redis_timeout = PATIENT;
        change(config);
    })
    .await;
    app.wait_until("Redis is reached", || app.engine().seat_lock.state() == Some(true)).await;
    app
}

/// The key of a seat of a room with rows of eight.
pub(super) fn key(session: &Session, number: &str) -> String {
    let all = session.all_seats();
    let at = all.iter().position(|seat| *seat == session.seat(number)).expect("a seat");
    format!("seat:{{{}}}:{}", session.id, at + 1)
}

/// How often the lock had this outcome.
pub(super) fn outcomes(app: &TestApp, outcome: &str) -> u64 {
    counter(app, &format!("poltrona_seat_lock_total{{outcome=\"{outcome}\"}} "))
}

/// The value of a counter, which is at the end of the line that begins so.
pub(super) fn counter(app: &TestApp, line: &str) -> u64 {
    let page = app.engine().metrics.render(&Readings::default());
    let count = page.lines().find_map(|it| it.strip_prefix(line));
    count.unwrap_or_else(|| panic!("{line} in\n{page}")).parse().expect("a count")
}

/// Has a seat, or seats, refused once by the database, so that it is not asked again at once.
pub(super) async fn refuse_once(app: &TestApp, session: &Session, numbers: &[&str]) -> Answer {
    let seats: Vec<_> = numbers.iter().map(|number| session.seat(number)).collect();
    app.reserve_all(&seats, "zoe").await.expect(409)
}
