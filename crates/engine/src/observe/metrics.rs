//! Counters and times, in Prometheus' format.
//!
//! Handles are made once; nothing is looked up by name while serving. The recorder is this
//! program's own, not the process's, so that several can live in one test process.

use std::time::Duration;

use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram, with_local_recorder};
use metrics_exporter_prometheus::{
    BuildError, PrometheusBuilder, PrometheusHandle, PrometheusRecorder,
};
use poltrona_domain::Command;

use super::broker_meters::BrokerMeters;

const SECONDS: &[f64] =
    &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
const SIZES: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1_024.0];
const COMMANDS: [&str; 8] = [
    "open_session",
    "update_session",
    "close_session",
    "reserve",
    "confirm",
    "cancel",
    "extend",
    "expire",
];
const OUTCOMES: [&str; 5] = ["done", "replayed", "refused", "key_mismatch", "failed"];

/// The outcome of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommandOutcome {
    /// It was decided now.
    Done,
    /// It was decided before, under the same idempotency key.
    Replayed,
    /// A rule refused it.
    Refused,
    /// Its idempotency key was used for another request.
    KeyMismatch,
    /// Something broke.
    Failed,
}

/// The seat lock's answer to a request for seats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockAnswer {
    /// The seats may be free.
    Granted,
    /// They are taken.
    Refused,
    /// It could not tell, or was not asked.
    Unsure,
    /// It was asked and did not answer.
    Failed,
}

const LOCK_ANSWERS: [&str; 4] = ["granted", "refused", "unsure", "failed"];

/// The program's metrics: the engine's own, and those that others [register](Metrics::register).
pub struct Metrics {
    recorder: PrometheusRecorder,
    page: PrometheusHandle,
    meters: Meters,
}

/// The engine's own.
struct Meters {
    commands: Vec<Vec<Counter>>,
    batch_size: Histogram,
    commit_seconds: Histogram,
    commits: Counter,
    round_trips: Counter,
    lateness: Histogram,
    queue_depth: Gauge,
    outbox: Gauge,
    outbox_age: Gauge,
    not_committing: Gauge,
    several_primaries: Gauge,
    holds: Gauge,
    guards: Counter,
    spans_dropped: Counter,
    missed: Counter,
    lock_answers: Vec<Counter>,
    lock_seconds: Histogram,
    lock_open: Gauge,
}

/// Values that are read when the page is asked for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Readings {
    /// Commands waiting for the ledger.
    pub queue_depth: usize,
    /// Holds whose lapse will be announced.
    pub holds: usize,
    /// Rows waiting in the outbox.
    pub outbox_rows: usize,
    /// How long the oldest of them has waited.
    pub outbox_age: Duration,
    /// Which engines answer.
    pub engines: Engines,
    /// Whether the database does not answer a COMMIT.
    pub not_committing: bool,
    /// Whether several database servers take writes.
    pub several_primaries: bool,
    /// The size of SQLite's write-ahead log, in bytes; `None` on a server.
    pub log_bytes: Option<u64>,
}

/// Whether each engine answers; `None` when none is configured.
#[derive(Clone, Copy, Debug, Default)]
pub struct Engines {
    /// The store, embedded or not.
    pub database: Option<bool>,
    /// The seat lock.
    pub redis: Option<bool>,
    /// The broker.
    pub rabbitmq: Option<bool>,
}

impl Metrics {
    /// Registers every metric.
    pub fn new() -> Result<Self, BuildError> {
        use metrics_exporter_prometheus::Matcher::Suffix;
        let recorder = PrometheusBuilder::new()
            .set_buckets_for_metric(Suffix("_seconds".to_owned()), SECONDS)?
            .set_buckets_for_metric(Suffix("_size".to_owned()), SIZES)?
            .build_recorder();
        let page = recorder.handle();
        let meters = with_local_recorder(&recorder, Meters::register);
        Ok(Self { recorder, page, meters })
    }

    /// Makes meters with this recorder, so that its page shows them.
    pub fn register<T>(&self, make: impl FnOnce() -> T) -> T {
        with_local_recorder(&self.recorder, make)
    }

    /// The meters of a broker that messages are published to, under the names of `targets`, and taken
    /// from, out of `queues`.
    pub fn broker(&self, targets: &[&'static str], queues: &[&'static str]) -> BrokerMeters {
        self.register(|| BrokerMeters::new(targets, queues))
    }

    /// A batch of `size` commands was committed, `took` after it was taken.
    pub fn committed(&self, size: usize, took: Duration) {
        self.meters.commits.increment(1);
        self.meters.batch_size.record(as_f64(size));
        self.meters.commit_seconds.record(took);
    }

    /// A command was answered.
    pub fn answered(&self, command: &Command, outcome: CommandOutcome) {
        let counters = self.meters.commands.get(command_index(command));
        if let Some(counter) = counters.and_then(|row| row.get(outcome as usize)) {
            counter.increment(1);
        }
    }

    /// A lapse was announced, so long after it.
    pub fn expired(&self, lateness: Duration) {
        self.meters.lateness.record(lateness);
    }

    /// A follower of the commit feed was so slow that it missed commits.
    pub fn missed(&self, commits: u64) {
        self.meters.missed.increment(commits);
    }

    /// A guard of the store kept a bug from doing harm.
    pub fn guard_held(&self) {
        self.meters.guards.increment(1);
    }

    /// So many spans were dropped.
    pub fn spans_dropped(&self, count: u64) {
        self.meters.spans_dropped.increment(count);
    }

    /// How often the ledger waited for a database server.
    pub fn round_trips(&self, count: u64) {
        self.meters.round_trips.increment(count);
    }

    /// The seat lock gave this answer to a request for seats.
    pub fn seat_lock_answered(&self, answer: LockAnswer) {
        if let Some(counter) = self.meters.lock_answers.get(answer as usize) {
            counter.increment(1);
        }
    }

    /// The seat lock answered a call, or failed to, after this long.
    pub fn seat_lock_took(&self, took: Duration) {
        self.meters.lock_seconds.record(took);
    }

    /// The seat lock's breaker opened or closed.
    pub fn seat_lock_open(&self, open: bool) {
        self.meters.lock_open.set(f64::from(u8::from(open)));
    }

    /// The page that Prometheus reads, with these readings of the moment.
    pub fn render(&self, readings: &Readings) -> String {
        self.meters.queue_depth.set(as_f64(readings.queue_depth));
        self.meters.holds.set(as_f64(readings.holds));
        self.meters.outbox.set(as_f64(readings.outbox_rows));
        self.meters.outbox_age.set(readings.outbox_age.as_secs_f64());
        let flag = |is_so: bool| f64::from(u8::from(is_so));
        self.meters.not_committing.set(flag(readings.not_committing));
        self.meters.several_primaries.set(flag(readings.several_primaries));
        self.set_engines(readings.engines);
        if let Some(bytes) = readings.log_bytes {
            let bytes = as_f64(usize::try_from(bytes).unwrap_or(usize::MAX));
            self.register(|| gauge!("poltrona_database_log_bytes").set(bytes));
        }
        self.page.render()
    }

    /// An engine that is not configured has no line in the page.
    fn set_engines(&self, engines: Engines) {
        let Engines { database, redis, rabbitmq } = engines;
        let all = [("database", database), ("redis", redis), ("rabbitmq", rabbitmq)];
        self.register(|| {
            for (engine, up) in all {
                if let Some(up) = up {
                    gauge!("poltrona_engine_up", "engine" => engine).set(f64::from(u8::from(up)));
                }
            }
        });
    }

    /// Folds timings since the last call. Without regular calls memory would grow while nobody
    /// reads the page.
    pub fn fold(&self) {
        self.page.run_upkeep();
    }
}

impl Meters {
    fn register() -> Self {
        describe();
        gauge!("poltrona_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
        Self {
            commands: COMMANDS.iter().copied().map(by_outcome).collect(),
            batch_size: histogram!("poltrona_batch_size"),
            commit_seconds: histogram!("poltrona_commit_seconds"),
            commits: counter!("poltrona_commits_total"),
            round_trips: counter!("poltrona_ledger_round_trips_total"),
            lateness: histogram!("poltrona_expiry_lateness_seconds"),
            queue_depth: gauge!("poltrona_queue_depth"),
            outbox: gauge!("poltrona_outbox_rows"),
            outbox_age: gauge!("poltrona_outbox_age_seconds"),
            not_committing: gauge!("poltrona_database_not_committing"),
            several_primaries: gauge!("poltrona_database_several_primaries"),
            holds: gauge!("poltrona_holds_watched"),
            guards: counter!("poltrona_invariant_violations_total"),
            spans_dropped: counter!("poltrona_spans_dropped_total"),
            missed: counter!("poltrona_feed_missed_total"),
            lock_answers: LOCK_ANSWERS
                .map(|answer| counter!("poltrona_seat_lock_total", "outcome" => answer))
                .to_vec(),
            lock_seconds: histogram!("poltrona_seat_lock_seconds"),
            lock_open: gauge!("poltrona_seat_lock_breaker_open"),
        }
    }
}

/// A counter for each outcome of a command.
fn by_outcome(command: &'static str) -> Vec<Counter> {
    let counter =
        |outcome| counter!("poltrona_commands_total", "command" => command, "outcome" => outcome);
    OUTCOMES.map(counter).to_vec()
}

fn describe() {
    use metrics::{
        describe_counter as counter, describe_gauge as gauge, describe_histogram as times,
    };
    counter!("poltrona_commands_total", "Commands decided, by kind and outcome.");
    counter!(
        "poltrona_commits_total",
        "Transactions of commands committed, each with one fsync of the log."
    );
    counter!("poltrona_invariant_violations_total", "Writes that a guard refused. Always 0.");
    counter!("poltrona_spans_dropped_total", "Spans that the collector did not get.");
    counter!(
        "poltrona_feed_missed_total",
        "Commits that a follower in this process was too slow for."
    );
    counter!("poltrona_seat_lock_total", "Answers of the seat lock to requests for seats.");
    gauge!("poltrona_seat_lock_breaker_open", "1 while Redis is configured and not asked.");
    gauge!(
        "poltrona_engine_up",
        "1 while the engine answers, and RabbitMQ takes messages; else 0."
    );
    gauge!("poltrona_build_info", "Always 1; the version is in the label.");
    gauge!("poltrona_queue_depth", "Commands waiting for the ledger.");
    counter!(
        "poltrona_ledger_round_trips_total",
        "How often the ledger waited for a database server; 0 when embedded."
    );
    gauge!("poltrona_outbox_rows", "Committed batches whose events are not delivered yet.");
    gauge!("poltrona_outbox_age_seconds", "How long the oldest of those has waited.");
    gauge!("poltrona_database_not_committing", "1 while the database does not answer a COMMIT.");
    gauge!("poltrona_database_several_primaries", "1 while several of its hosts take writes.");
    gauge!("poltrona_database_log_bytes", "The size of SQLite's write-ahead log.");
    gauge!("poltrona_holds_watched", "Holds whose lapse will be announced.");
    times!("poltrona_batch_size", "Commands in a committed transaction.");
    times!("poltrona_commit_seconds", "From taking a batch to its commit.");
    times!("poltrona_expiry_lateness_seconds", "From a hold's lapse to its announcement.");
    times!("poltrona_seat_lock_seconds", "From asking Redis to its answer, or to giving up.");
}

const fn command_index(command: &Command) -> usize {
    match command {
        Command::OpenSession(_) => 0,
        Command::UpdateSession { .. } => 1,
        Command::CloseSession { .. } => 2,
        Command::Reserve { .. } => 3,
        Command::Confirm { .. } => 4,
        Command::Cancel { .. } => 5,
        Command::Extend { .. } => 6,
        Command::Expire { .. } => 7,
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of things in memory are far below 2^53")]
const fn as_f64(count: usize) -> f64 {
    count as f64
}
