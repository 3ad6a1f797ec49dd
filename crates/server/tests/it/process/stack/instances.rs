//! Instances over engines of their own, and the crowd before them.

use std::path::PathBuf;
use std::process::{Child, Stdio};

use poltrona_testkit::engines::{Postgres, RabbitMq, Redis};
use poltrona_testkit::program::{BINARY, Program, clean};
use serde_json::Value;
use tempfile::TempDir;

/// All scenarios at once.
pub(super) const EVERYONE: &str = "browse,spread,on-sale,duel,families,abandon,retry";
/// Short, so that many lapse while a test looks.
const HOLD: &str = "400ms";

/// Long enough to pay at once on a busy machine, short enough to wait for the lapses in the end.
const LONG_HOLD: &str = "10s";

/// Instances and the engines under them.
pub(super) struct Stack {
    hold: &'static str,
    pub(super) instances: Vec<Program>,
    pub(super) postgres: Postgres,
    pub(super) redis: Redis,
    pub(super) rabbit: RabbitMq,
    // Last, so that the folder goes when everything in it has ended.
    folder: TempDir,
}

/// A crowd that is running.
pub(super) struct Crowd {
    child: Child,
    report: PathBuf,
}

impl Stack {
    /// Three instances whose holds lapse soon.
    pub(super) async fn start() -> Self {
        Self::holding(HOLD).await
    }

    /// Three instances whose holds do not lapse while a test looks.
    pub(super) async fn start_with_long_holds() -> Self {
        Self::holding(LONG_HOLD).await
    }

    async fn holding(hold: &'static str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (postgres, redis, rabbit) =
            tokio::join!(Postgres::start(), Redis::start(), RabbitMq::start());
        let mut stack = Self { hold, instances: Vec::new(), postgres, redis, rabbit, folder };
        // At the same time, so that they run the migrations at once.
        let started = std::thread::scope(|scope| {
            let started = [(); 3].map(|()| scope.spawn(|| stack.instance(0, &[])));
            started.map(|it| it.join().unwrap())
        });
        stack.instances.extend(started);
        stack
    }

    /// One more, on this port or any (0), with more variables.
    pub(super) fn instance(&self, port: u16, variables: &[(&str, &str)]) -> Program {
        let mut command = clean(&BINARY, self.folder.path());
        command.env("POLTRONA_PORT", port.to_string());
        command.arg("serve").args(["--hold-ttl", self.hold, "--log-level", "warn,server=info"]);
        command
            .env("DATABASE_URL", self.postgres.url())
            .env("REDIS_URL", self.redis.url())
            .env("RABBITMQ_URL", self.rabbit.url())
            .env("POLTRONA_RUN_MIGRATIONS", "true")
            .env("POLTRONA_WAIT_FOR", "30s")
            .envs(variables.iter().copied());
        Program::start(command)
    }

    /// Starts a crowd.
    pub(super) fn crowd(&self, scenario: &str, seconds: u32) -> Crowd {
        let report = self.folder.path().join("rush.json");
        let mut command = clean(&BINARY, self.folder.path());
        command.arg("rush").args(["--scenario", scenario, "--clients", "60", "--seed", "11"]);
        command.args(["--seconds", &seconds.to_string()]).arg("--report").arg(&report);
        for instance in &self.instances {
            command.args(["--target", &instance.url()]);
        }
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        Crowd { child, report }
    }
}

impl Crowd {
    /// Whether it is still running.
    pub(super) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Waits for its end; fails when the judge found a broken promise. Returns its report.
    pub(super) async fn content(self) -> Value {
        let output = tokio::task::spawn_blocking(move || self.child.wait_with_output());
        let output = output.await.unwrap().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        let last = text.lines().last().unwrap_or_default();
        let aside = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && last.ends_with("; 0 violations"), "{text}{aside}");
        let report = std::fs::read_to_string(&self.report).unwrap();
        serde_json::from_str(&report).unwrap()
    }
}
