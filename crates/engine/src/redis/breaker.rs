//! The connection to Redis, and its breaker.
//!
//! Requests use the one connection there is, and wait for an answer no longer than a limit. When it
//! breaks, or fails too often, it is dropped, and Redis is not asked any more. The watch connects
//! again, beside the requests: once a second it tries, and gives them only a connection over which
//! a call such as theirs was answered in time.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use redis::{Cmd, ErrorKind, FromRedisValue, RedisError, RedisResult, Script, ServerErrorKind};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::connection::{Connection, Server};
use crate::backoff::REDIS;
use crate::env::clock::pause;
use crate::env::ids::Ids;
use crate::observe::metrics::Metrics;
use crate::tls::Tls;

/// Where Redis is, and how long it may take.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Its URL.
    pub url: String,
    /// The authorities that a `rediss:` connection trusts.
    pub tls: Tls,
    /// How long it may take to answer a call.
    pub timeout: Duration,
}

/// The scripts that will be called.
pub struct Scripts {
    /// Every script, to be loaded beforehand, so that no request has to send one.
    pub all: Vec<&'static Script>,
    /// A call that has no effect, and fails for every reason for which others would: a password, a
    /// missing permission, a full memory, a replica that only reads.
    pub trial: fn() -> Cmd,
}

/// How long connecting may take, which no request waits for.
const CONNECT_LIMIT: Duration = Duration::from_secs(1);
/// How often the watch looks at a connection.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// So many failures in a row open the breaker.
const FAILURES: usize = 5;

/// The connection, or none while the breaker is open.
pub struct Breaker {
    server: Server,
    scripts: Scripts,
    limit: Duration,
    ids: Ids,
    metrics: Arc<Metrics>,
    line: RwLock<Line>,
    /// Whether it was logged that Redis is away.
    logged_away: AtomicBool,
}

#[derive(Default)]
struct Line {
    connection: Option<Connection>,
    /// The number of this connection, so that its late failures do not count against the next.
    number: u64,
    failures: usize,
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallError {
    /// Redis was not asked.
    NotAsked,
    /// It was asked, and the call may or may not have taken effect.
    Failed,
}

impl Breaker {
    /// Open at first: nothing has been reached yet. Once it is, an answer may take as long as `limit`.
    ///
    /// Fails when the URL is invalid.
    pub fn new(
        settings: &Settings,
        scripts: Scripts,
        ids: Ids,
        metrics: Arc<Metrics>,
    ) -> RedisResult<Self> {
        let server = Server::parse(&settings.url, settings.tls.clone())?;
        let limit = settings.timeout;
        metrics.seat_lock_open(true);
        let (line, logged_away) = (RwLock::default(), AtomicBool::new(false));
        Ok(Self { server, scripts, limit, ids, metrics, line, logged_away })
    }

    /// How long Redis may take to answer.
    pub const fn limit(&self) -> Duration {
        self.limit
    }

    /// Whether Redis is not asked.
    pub fn is_open(&self) -> bool {
        self.read(|line| line.connection.is_none())
    }

    /// Calls Redis on behalf of so many requests, for each of which a failure counts.
    pub async fn call<T: FromRedisValue>(
        &self,
        call: &Cmd,
        requests: usize,
    ) -> Result<T, CallError> {
        let (connection, number) = self.read(|line| (line.connection.clone(), line.number));
        let connection = connection.ok_or(CallError::NotAsked)?;
        let began = Instant::now();
        let answer = self.in_time(connection, call).await;
        self.metrics.seat_lock_took(began.elapsed());
        match answer {
            Ok(answer) => {
                self.succeeded();
                Ok(answer)
            }
            Err(error) => {
                self.failed(number, requests, &error);
                Err(CallError::Failed)
            }
        }
    }

    /// Connects, and looks after the connection, until stopped.
    pub async fn watch(self: Arc<Self>, stop: CancellationToken) {
        let watching = async {
            loop {
                if self.is_open() {
                    self.try_again().await;
                } else {
                    // While nobody buys, only this notices that Redis went away.
                    let _ = self.call::<redis::Value>(&(self.scripts.trial)(), 1).await;
                }
                let wait = if self.is_open() { REDIS.wait(&self.ids) } else { LOOK_EVERY };
                pause(wait).await;
            }
        };
        let _ = stop.run_until_cancelled(watching).await;
    }

    async fn try_again(&self) {
        match self.connect().await {
            Ok(connection) => {
                self.write(|line| {
                    let number = line.number + 1;
                    *line = Line { connection: Some(connection), number, failures: 0 };
                });
                self.metrics.seat_lock_open(false);
                self.logged_away.store(false, Ordering::Relaxed);
                info!(target: "redis", "reached: taken seats are refused early");
            }
            Err(error) => self.log_away(&error),
        }
    }

    /// A usable connection: a request's call over it was answered in time.
    async fn connect(&self) -> RedisResult<Connection> {
        let connecting = async {
            let mut connection = self.server.connect().await?;
            self.load(&mut connection).await?;
            Ok(connection)
        };
        let connection =
            timeout(CONNECT_LIMIT, connecting).await.unwrap_or_else(|_| Err(too_slow()))?;
        self.in_time::<redis::Value>(connection.clone(), &(self.scripts.trial)()).await?;
        Ok(connection)
    }

    async fn in_time<T: FromRedisValue>(
        &self,
        mut connection: Connection,
        call: &Cmd,
    ) -> RedisResult<T> {
        let answering = async {
            let answer = call.query_async(&mut connection.commands).await;
            let Err(error) = &answer else { return answer };
            // An operator who empties Redis may remove the scripts, too.
            if error.kind() != ErrorKind::Server(ServerErrorKind::NoScript) {
                return answer;
            }
            self.load(&mut connection).await?;
            call.query_async(&mut connection.commands).await
        };
        timeout(self.limit, answering).await.unwrap_or_else(|_| Err(too_slow()))
    }

    /// Has Redis know every script.
    async fn load(&self, connection: &mut Connection) -> RedisResult<()> {
        for script in &self.scripts.all {
            script.load_async(&mut connection.commands).await?;
        }
        Ok(())
    }

    fn succeeded(&self) {
        // The usual case takes no write lock.
        if self.read(|line| line.failures) > 0 {
            self.write(|line| line.failures = 0);
        }
    }

    fn failed(&self, number: u64, requests: usize, error: &RedisError) {
        let opens = self.write(|line| {
            if line.number != number || line.connection.is_none() {
                return false;
            }
            line.failures += requests;
            let opens = line.failures >= FAILURES || error.is_unrecoverable_error();
            if opens {
                line.connection = None;
            }
            opens
        });
        if opens {
            self.metrics.seat_lock_open(true);
            self.log_away(error);
        }
    }

    fn log_away(&self, error: &RedisError) {
        if !self.logged_away.swap(true, Ordering::Relaxed) {
            warn!(target: "redis", %error, "away: the database alone refuses until it is back");
        }
    }

    fn read<T>(&self, look: impl FnOnce(&Line) -> T) -> T {
        look(&self.line.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn write<T>(&self, change: impl FnOnce(&mut Line) -> T) -> T {
        change(&mut self.line.write().unwrap_or_else(PoisonError::into_inner))
    }
}

fn too_slow() -> RedisError {
    std::io::Error::new(std::io::ErrorKind::TimedOut, "no answer in time").into()
}
