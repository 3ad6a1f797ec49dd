//! A Redis of a story's own, on a port of its own, to be stopped, paused and lied to.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use poltrona::config::{Config, Secret};
use redis::{Client, FromRedisValue, RedisResult, ToRedisArgs};
use tempfile::TempDir;

use super::{Session, TestApp};
use crate::wait::wait_for;

/// A server that runs. It is killed when dropped.
pub(crate) struct Redis {
    child: Child,
    port: u16,
    // Last, so that the folder goes when the server is gone.
    folder: TempDir,
}

impl Redis {
    /// A server that keeps nothing on disk, once it answers.
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        // Free a moment ago, and ports are handed out in turn.
        let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        let port = free.expect("a free port").port();
        let redis = Self { child: spawn(port, &folder), port, folder };
        redis.answers().await;
        redis
    }

    /// Starts it again, empty.
    pub(crate) async fn start_again(&mut self) {
        self.child = spawn(self.port, &self.folder);
        self.answers().await;
    }

    async fn answers(&self) {
        wait_for("Redis answers", async || self.try_ask::<String>(&["PING"]).ok()).await;
    }

    /// Ends it as a power cut would.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it ends");
    }

    /// Keeps it from doing anything, with its connections open.
    pub(crate) fn pause(&self) {
        self.signal("-STOP");
    }

    /// Lets it go on, with whatever it was sent meanwhile.
    pub(crate) fn resume(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([signal, &self.child.id().to_string()]).status();
        assert!(sent.expect("kill").success());
    }

    /// How it is reached, by whom (such as `user:password@`), and which of its databases.
    pub(crate) fn url(&self, user: &str, database: &str) -> String {
        format!("redis://{user}127.0.0.1:{}{database}", self.port)
    }

    fn try_ask<T: FromRedisValue>(&self, words: &[impl ToRedisArgs]) -> RedisResult<T> {
        let mut connection = Client::open(self.url("", ""))?.get_connection()?;
        redis::Cmd::new().arg(words).query(&mut connection)
    }

    /// Asks it for something, beside the program.
    #[track_caller]
    pub(crate) fn ask<T: FromRedisValue>(&self, words: &[&str]) -> T {
        self.try_ask(words).unwrap_or_else(|error| panic!("{words:?}: {error}"))
    }

    /// The mark on a seat; empty when there is none.
    pub(crate) fn mark(&self, session: &Session, number: &str) -> String {
        self.ask::<Option<String>>(&["GET", &key(session, number)]).unwrap_or_default()
    }

    /// Puts a mark on a seat for ten minutes, as nobody should.
    pub(crate) fn set_mark(&self, session: &Session, number: &str, mark: &str) {
        self.ask::<()>(&["SET", &key(session, number), mark, "EX", "600"]);
    }
}

/// Far longer than any machine needs, for stories about something else than slowness.
const PATIENT: Duration = Duration::from_secs(10);

/// A box office that has reached this Redis.
pub(crate) async fn open_with(redis: &Redis) -> TestApp {
    open_as(&redis.url("", ""), |_| {}).await
}

/// The same, by a URL and with other settings.
pub(crate) async fn open_as(url: &str, change: impl FnOnce(&mut Config)) -> TestApp {
    let app = TestApp::with(|config| {
        config.redis_url = Some(Secret::new(url));
        config.redis_timeout = PATIENT;
        change(config);
    })
    .await;
    app.wait_until("Redis is reached", || app.inner().seat_lock.state() == Some(true)).await;
    app
}

/// The key of a seat of a room with rows of eight.
pub(crate) fn key(session: &Session, number: &str) -> String {
    let all = session.all_seats();
    let at = all.iter().position(|seat| *seat == session.seat(number)).expect("a seat");
    format!("seat:{{{}}}:{}", session.id, at + 1)
}

fn spawn(port: u16, folder: &TempDir) -> Child {
    let mut command = Command::new("redis-server");
    command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", ""]);
    command.current_dir(folder.path()).stdin(Stdio::null()).stdout(Stdio::null());
    command.spawn().expect("redis-server")
}

impl Drop for Redis {
    fn drop(&mut self) {
        // A story may have ended it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
