//! Counters and times, in Prometheus' format.
//!
//! Handles are made once; nothing is looked up by name while serving. The recorder is this
//! program's own, not the process's, so that several can live in one test process.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram, with_local_recorder};
use metrics_exporter_prometheus::{BuildError, PrometheusBuilder, PrometheusHandle};
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

/// How a command was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommandOutcome {
    /// It was decided now.
    Done,
    /// It was decided before, under the same idempotency key.
    Replayed,
    /// A rule said no.
    Refused,
    /// Its idempotency key was used for another request.
    KeyMismatch,
    /// Something broke.
    Failed,
}

/// The seat lock's answer to a request for seats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockSaid {
    /// The seats may be free.
    Granted,
    /// They are taken.
    Refused,
    /// It could not tell, or was not asked.
    Unsure,
    /// It was asked and did not answer.
    Failed,
}

const LOCK_SAID: [&str; 4] = ["granted", "refused", "unsure", "failed"];

/// Every metric of the program.
pub struct Metrics {
    recorder: metrics_exporter_prometheus::PrometheusRecorder,
    page: PrometheusHandle,
    commands: Vec<Vec<Counter>>,
    batch_size: Histogram,
    commit_seconds: Histogram,
    commits: Counter,
    round_trips: Counter,
    lateness: Histogram,
    queue_depth: Gauge,
    outbox: Gauge,
    outbox_age: Gauge,
    holds: Gauge,
    guards: Counter,
    spans_dropped: Counter,
    missed: Counter,
    connections: Gauge,
    lock_said: Vec<Counter>,
    lock_seconds: Histogram,
    lock_open: Gauge,
    requests: RwLock<HashMap<RequestKey, RequestMeters>>,
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

type RequestKey = (&'static str, &'static str, u16);

#[derive(Clone)]
struct RequestMeters {
    count: Counter,
    seconds: Histogram,
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
        let metrics = with_local_recorder(&recorder, || {
            describe();
            gauge!("poltrona_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
            let by_outcome = |command: &'static str| {
                let counter = |outcome: &&'static str| counter!("poltrona_commands_total", "command" => command, "outcome" => *outcome);
                OUTCOMES.iter().map(counter).collect()
            };
            (
                COMMANDS.iter().copied().map(by_outcome).collect(),
                [
                    histogram!("poltrona_batch_size"),
                    histogram!("poltrona_commit_seconds"),
                    histogram!("poltrona_expiry_lateness_seconds"),
                    histogram!("poltrona_seat_lock_seconds"),
                ],
                [
                    gauge!("poltrona_queue_depth"),
                    gauge!("poltrona_outbox_rows"),
                    gauge!("poltrona_outbox_age_seconds"),
                    gauge!("poltrona_holds_watched"),
                    gauge!("poltrona_connections"),
                    gauge!("poltrona_seat_lock_breaker_open"),
                ],
                [
                    counter!("poltrona_commits_total"),
                    counter!("poltrona_invariant_violations_total"),
                    counter!("poltrona_ledger_round_trips_total"),
                    counter!("poltrona_spans_dropped_total"),
                    counter!("poltrona_feed_missed_total"),
                ],
                LOCK_SAID
                    .map(|said| counter!("poltrona_seat_lock_total", "outcome" => said))
                    .to_vec(),
            )
        });
        let (commands, histograms, gauges, counters, lock_said) = metrics;
        let [batch_size, commit_seconds, lateness, lock_seconds] = histograms;
        let [queue_depth, outbox, outbox_age, holds, connections, lock_open] = gauges;
        let [commits, guards, round_trips, spans_dropped, missed] = counters;
        let requests = RwLock::default();
        Ok(Self {
            recorder,
            page,
            commands,
            batch_size,
            commit_seconds,
            commits,
            round_trips,
            lateness,
            queue_depth,
            outbox,
            outbox_age,
            holds,
            guards,
            spans_dropped,
            missed,
            connections,
            lock_said,
            lock_seconds,
            lock_open,
            requests,
        })
    }

    /// The meters of a broker that messages are published to, under the names of `targets`, and taken
    /// from, out of `queues`.
    pub fn broker(&self, targets: &[&'static str], queues: &[&'static str]) -> BrokerMeters {
        with_local_recorder(&self.recorder, || BrokerMeters::new(targets, queues))
    }

    /// A batch of `size` commands was committed, `took` after it was taken.
    pub fn committed(&self, size: usize, took: Duration) {
        self.commits.increment(1);
        self.batch_size.record(as_f64(size));
        self.commit_seconds.record(took);
    }

    /// A command was answered.
    pub fn answered(&self, command: &Command, outcome: CommandOutcome) {
        let counters = self.commands.get(command_index(command));
        if let Some(counter) = counters.and_then(|row| row.get(outcome as usize)) {
            counter.increment(1);
        }
    }

    /// A lapse was announced, so long after it.
    pub fn expired(&self, lateness: Duration) {
        self.lateness.record(lateness);
    }

    /// A follower of the commit feed was so slow that it missed commits.
    pub fn missed(&self, commits: u64) {
        self.missed.increment(commits);
    }

    /// A guard of the store kept a bug from doing harm.
    pub fn guard_held(&self) {
        self.guards.increment(1);
    }

    /// So many spans will be seen by nobody.
    pub fn spans_dropped(&self, count: u64) {
        self.spans_dropped.increment(count);
    }

    /// How often the ledger waited for a database server.
    pub fn round_trips(&self, count: u64) {
        self.round_trips.increment(count);
    }

    /// The seat lock said this to a request for seats.
    pub fn seat_lock_said(&self, said: LockSaid) {
        if let Some(counter) = self.lock_said.get(said as usize) {
            counter.increment(1);
        }
    }

    /// The seat lock was asked for something, and answered, or failed to, after this long.
    pub fn seat_lock_took(&self, took: Duration) {
        self.lock_seconds.record(took);
    }

    /// The seat lock is not asked any more, or is again.
    pub fn seat_lock_open(&self, open: bool) {
        self.lock_open.set(f64::from(u8::from(open)));
    }

    /// A connection was opened.
    pub fn connected(&self) {
        self.connections.increment(1.0);
    }

    /// A connection is closed.
    pub fn disconnected(&self) {
        self.connections.decrement(1.0);
    }

    /// A request was answered.
    pub fn request(&self, route: &'static str, method: &'static str, status: u16, took: Duration) {
        let key = (route, method, status);
        let known = self.requests.read().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        let meters = known.unwrap_or_else(|| self.request_meters(key));
        meters.count.increment(1);
        meters.seconds.record(took);
    }

    fn request_meters(&self, key: RequestKey) -> RequestMeters {
        let (route, method, status) = key;
        let meters = with_local_recorder(&self.recorder, || RequestMeters {
            count: counter!(
                "poltrona_http_requests_total", "route" => route,
                "method" => method, "status" => status.to_string()
            ),
            seconds: histogram!("poltrona_http_request_seconds", "route" => route),
        });
        let mut requests = self.requests.write().unwrap_or_else(PoisonError::into_inner);
        requests.entry(key).or_insert(meters).clone()
    }

    /// The page that Prometheus reads, with these readings of the moment.
    pub fn render(&self, readings: &Readings) -> String {
        self.queue_depth.set(as_f64(readings.queue_depth));
        self.holds.set(as_f64(readings.holds));
        self.outbox.set(as_f64(readings.outbox_rows));
        self.outbox_age.set(readings.outbox_age.as_secs_f64());
        self.set_engines(readings.engines);
        self.page.render()
    }

    /// An engine that is not configured has no line in the page.
    fn set_engines(&self, engines: Engines) {
        let Engines { database, redis, rabbitmq } = engines;
        let all = [("database", database), ("redis", redis), ("rabbitmq", rabbitmq)];
        with_local_recorder(&self.recorder, || {
            for (engine, up) in all {
                if let Some(up) = up {
                    gauge!("poltrona_engine_up", "engine" => engine).set(f64::from(u8::from(up)));
                }
            }
        });
    }

    /// Folds what was timed since the last call; to be called now and then, or memory would grow
    /// while nobody reads the page.
    pub fn fold(&self) {
        self.page.run_upkeep();
    }
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
    counter!("poltrona_http_requests_total", "Requests answered, by route, method and status.");
    counter!("poltrona_spans_dropped_total", "Spans that the collector did not get.");
    counter!(
        "poltrona_feed_missed_total",
        "Commits that a follower in this process was too slow for, and made up for."
    );
    counter!("poltrona_seat_lock_total", "What the seat lock said to those who want seats.");
    gauge!("poltrona_seat_lock_breaker_open", "1 while Redis is configured and not asked.");
    gauge!("poltrona_engine_up", "1 while the engine answers, 0 while it does not.");
    gauge!("poltrona_build_info", "Always 1; the version is in the label.");
    gauge!("poltrona_queue_depth", "Commands waiting for the ledger.");
    counter!(
        "poltrona_ledger_round_trips_total",
        "How often the ledger waited for a database server; 0 when embedded."
    );
    gauge!("poltrona_outbox_rows", "Committed batches whose events are not delivered yet.");
    gauge!("poltrona_outbox_age_seconds", "How long the oldest of those has waited.");
    gauge!("poltrona_holds_watched", "Holds whose lapse will be announced.");
    gauge!("poltrona_connections", "Open connections.");
    times!("poltrona_batch_size", "Commands in a committed transaction.");
    times!("poltrona_commit_seconds", "From taking a batch to its commit.");
    times!("poltrona_expiry_lateness_seconds", "From a hold's lapse to its announcement.");
    times!("poltrona_seat_lock_seconds", "From asking Redis to its answer, or to giving up.");
    times!("poltrona_http_request_seconds", "From a request's headers to its answer, by route.");
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
