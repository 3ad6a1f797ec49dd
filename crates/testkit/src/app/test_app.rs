//! A box office in this process: opened, asked, and stopped.

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use poltrona::app::Running;
use poltrona::config::Config;
use poltrona::http::Router;
use poltrona::http::state::App;
use poltrona_domain::Timestamp;
use poltrona_engine::env::clock::Clock;
use poltrona_engine::{Engine, Env};
use serde_json::{Value, json};

use super::request::Request;
use crate::place::Place;

/// When every test begins.
const START_MILLIS: i64 = 1_795_514_400_000;
/// When every test begins, in RFC 3339.
pub const START: &str = "2026-11-24T10:00:00.000Z";
/// How long a hold is, unless a test says otherwise.
pub const HOLD: Duration = Duration::from_secs(30);
/// A hold less one millisecond.
pub const NEARLY: Duration = Duration::from_millis(29_999);
/// The shortest step of the clock.
pub const MILLI: Duration = Duration::from_millis(1);
/// An id that nothing has. It could be a session's.
pub const NOBODY: &str = "01900000-0000-7000-8000-000000f00000";

/// An open box office.
pub struct TestApp {
    running: Option<Running>,
    router: Router,
    clock: Clock,
    config: Config,
    // Last, so that the data go when everything that uses them is closed.
    place: Option<Arc<Place>>,
}

/// A box office that was stopped in good order, and can be opened again.
pub struct Stopped {
    config: Config,
    clock: Clock,
    place: Arc<Place>,
}

impl TestApp {
    /// A box office as it opens when nothing is configured.
    pub async fn open() -> Self {
        Self::with(|_| {}).await
    }

    /// A box office with other settings.
    pub async fn with(change: impl FnOnce(&mut Config)) -> Self {
        Self::at(Place::new().await, change).await
    }

    /// A box office with its data in a folder, for tests of the embedded store alone.
    pub async fn embedded() -> Self {
        Self::at(Place::folder(), |_| {}).await
    }

    /// A box office with its data on a server, for tests of PostgreSQL alone.
    pub async fn on_a_server() -> Self {
        Self::at(Place::server().await, |_| {}).await
    }

    /// A box office that keeps its data there.
    pub async fn at(place: Place, change: impl FnOnce(&mut Config)) -> Self {
        let clock = Clock::manual(Timestamp::from_millis(START_MILLIS));
        Self::try_at(Arc::new(place), clock, change).await.expect("it opens")
    }

    /// A box office with its data there, on this clock. Fails when it cannot start.
    pub async fn try_at(
        place: Arc<Place>,
        clock: Clock,
        change: impl FnOnce(&mut Config),
    ) -> anyhow::Result<Self> {
        let mut config = place.config();
        config.hold_ttl = HOLD;
        change(&mut config);
        Self::start(Stopped { config, clock, place }).await
    }

    /// One more instance: the same settings, data and clock.
    pub async fn another(&self) -> Self {
        self.another_by(self.clock.clone()).await
    }

    /// One more instance, on this clock.
    pub async fn another_by(&self, clock: Clock) -> Self {
        let place = Arc::clone(self.place.as_ref().expect("it has a place"));
        Self::start(Stopped { config: self.config.clone(), clock, place }).await.expect("it opens")
    }

    /// A box office on the system's clock, for tests that wait for other programs.
    pub async fn in_real_time(change: impl FnOnce(&mut Config)) -> Self {
        let place = Place::new().await;
        let mut config = place.config();
        change(&mut config);
        Self::start(Stopped { config, clock: Clock::System, place: place.into() })
            .await
            .expect("it opens")
    }

    /// A box office that does all its work on the calling thread and follows tokio's clock. Needs a current-thread
    /// runtime.
    pub async fn on_one_thread() -> Self {
        let place = Arc::new(Place::folder());
        let env = Env::simulated(Timestamp::from_millis(START_MILLIS), 1);
        Self::run(place.config(), env, place).await.expect("it opens")
    }

    async fn start(stopped: Stopped) -> anyhow::Result<Self> {
        let Stopped { config, clock, place } = stopped;
        Self::run(config, Env::on(clock), place).await
    }

    async fn run(config: Config, env: Env, place: Arc<Place>) -> anyhow::Result<Self> {
        let clock = env.clock.clone();
        let running = Running::start(config.clone(), env).await?;
        let router = poltrona::http::router(running.app.clone());
        Ok(Self { running: Some(running), router, clock, config, place: Some(place) })
    }

    /// Stops in good order; what it leaves can be opened again.
    pub async fn stop(mut self) -> Stopped {
        self.running.take().expect("it runs").stop().await;
        let place = self.place.take().expect("it has a place");
        Stopped { config: self.config.clone(), clock: self.clock.clone(), place }
    }

    /// The parts that requests reach, for the few tests that need them.
    pub fn inner(&self) -> &App {
        &self.running.as_ref().expect("it runs").app
    }

    /// The engine that requests reach.
    pub fn engine(&self) -> &Engine {
        &self.inner().engine
    }

    /// The API's router, for calls without [`Request`]'s checks.
    pub const fn router(&self) -> &Router {
        &self.router
    }

    /// The settings.
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// Where the data are.
    pub fn place(&self) -> &Place {
        self.place.as_ref().expect("it has a place")
    }

    /// Moves the clock. Nothing that this sets off has run when it returns.
    pub fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }

    /// Puts the clock back, as happens to a machine whose clock ran fast.
    pub fn put_back(&self, by: Duration) {
        if let Clock::Manual(hand) = &self.clock {
            let by = i64::try_from(by.as_millis()).expect("a moment");
            hand.send_modify(|now| *now = Timestamp::from_millis(now.as_millis() - by));
        }
    }

    /// A request of any method. Nothing is sent before it is awaited.
    pub fn request(&self, method: &str, path: &str) -> Request {
        Request::new(self.router.clone(), method, path)
    }

    /// A `GET`.
    pub fn get(&self, path: &str) -> Request {
        self.request("GET", path)
    }

    /// A `POST` with a body.
    pub fn post(&self, path: &str, body: &Value) -> Request {
        self.request("POST", path).json(body)
    }

    /// A `PATCH` with a body.
    pub fn patch(&self, path: &str, body: &Value) -> Request {
        self.request("PATCH", path).json(body)
    }

    /// A `DELETE`.
    pub fn delete(&self, path: &str) -> Request {
        self.request("DELETE", path)
    }

    /// Asks for one seat.
    pub fn reserve(&self, seat: &str, user: &str) -> Request {
        self.post("/reservations", &json!({ "seatId": seat, "userId": user }))
    }

    /// Asks for several seats together.
    pub fn reserve_all(&self, seats: &[&str], user: &str) -> Request {
        self.post("/reservations", &json!({ "seatIds": seats, "userId": user }))
    }

    /// Pays for a reservation.
    pub fn pay(&self, reservation: &str) -> Request {
        self.request("POST", &format!("/payments/confirm/{reservation}"))
    }

    /// Asks for more time for a reservation.
    pub fn extend(&self, reservation: &str) -> Request {
        self.request("POST", &format!("/reservations/{reservation}/extend"))
    }

    /// Cancels a reservation.
    pub fn cancel(&self, reservation: &str) -> Request {
        self.delete(&format!("/reservations/{reservation}"))
    }

    /// The status of a reservation.
    pub async fn status(&self, reservation: &str) -> String {
        let answer = self.get(&format!("/reservations/{reservation}")).await.expect(200);
        answer.text("status")
    }
}

impl Stopped {
    /// Changes its settings.
    pub fn with(mut self, change: impl FnOnce(&mut Config)) -> Self {
        change(&mut self.config);
        self
    }

    /// The settings.
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// Where the data are.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// The one value that a query gives.
    #[track_caller]
    pub fn sql<T: FromStr>(&self, query: &str) -> T {
        self.place.sql(query)
    }

    /// Changes the database while nothing runs.
    #[track_caller]
    pub fn tamper(&self, sql: &str) {
        self.place.tamper(sql);
    }

    /// Opens it again, this much later.
    pub async fn open_after(self, pause: Duration) -> TestApp {
        self.try_open_after(pause).await.expect("it opens again")
    }

    /// Opens it again, this much later. Fails when it cannot start.
    pub async fn try_open_after(self, pause: Duration) -> anyhow::Result<TestApp> {
        self.clock.advance(pause);
        TestApp::start(self).await
    }
}

impl Drop for TestApp {
    /// Ends the ledger's threads and the background work without waiting for them: a test that
    /// cares about a stop in good order calls [`TestApp::stop`].
    fn drop(&mut self) {
        if let Some(running) = &self.running {
            running.app.stop.cancel();
            running.app.engine.ledger.close();
        }
    }
}
