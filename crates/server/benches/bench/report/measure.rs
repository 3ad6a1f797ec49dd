//! The quantities that are measured, each with its unit.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

macro_rules! measures {
    ($($(#[$doc:meta])* $name:ident = $head:literal,)*) => {
        /// A quantity. Its JSON name is its name in snake case, its unit last.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub(crate) enum Measure { $($(#[$doc])* $name,)* }

        impl Measure {
            /// The head of its column.
            pub(crate) const fn head(self) -> &'static str {
                match self { $(Self::$name => $head,)* }
            }
        }
    };
}

measures! {
    /// Calls a second.
    Rate = "a second",
    /// Half of the calls were done within so many milliseconds.
    P50Ms = "p50 ms",
    P99Ms = "p99 ms",
    P999Ms = "p99.9 ms",
    /// The 99th percentile of the latency, divided by the median.
    P99OverP50 = "p99 / p50",
    ReserveP50Ms = "reserve: p50 ms",
    ReserveP99Ms = "reserve: p99 ms",
    ConfirmP50Ms = "confirm: p50 ms",
    ConfirmP99Ms = "confirm: p99 ms",
    /// Commits that waited for the disk, for each reservation.
    Commits = "commits each",
    /// Commands in a commit, on average.
    Batch = "in a commit",
    /// How often a worker waited for the database's server, for each reservation or refusal.
    RoundTrips = "round trips each",
    /// Fsyncs for each reservation: of PostgreSQL by its own count, of SQLite as `strace` counts them.
    Syncs = "fsyncs each",
    /// The share of updates of `seats` that touched no index.
    Hot = "HOT share",
    /// Database transactions for each call, all of the run.
    Transactions = "transactions each",
    /// From the last answer until the outbox was empty and the projections had followed.
    SettledSecs = "events delivered, s after the end",
    /// CPU time of all of the program's processes, for each call, in microseconds.
    ServerUs = "server CPU µs",
    PostgresUs = "PostgreSQL CPU µs",
    RedisUs = "Redis CPU µs",
    RabbitmqUs = "RabbitMQ CPU µs",
    /// CPU time of the program and its engines together.
    TotalUs = "CPU µs in all",
    ClientUs = "client CPU µs",
    ReadySecs = "ready in s",
    ReadyMb = "MB when ready",
    RestMb = "MB at rest",
    UsedMb = "MB after traffic",
    MadeSecs = "made in s",
    LateP50Ms = "late: p50 ms",
    LateP99Ms = "late: p99 ms",
    LateMostMs = "late: most ms",
    /// The share of lapses that were committed within 250 ms.
    InTime = "committed within 250 ms, share",
    Reserved = "reserved a second",
    Lapsed = "lapsed a second",
    LatestSecs = "latest lapse, s late",
    /// The throughput of a closed loop, with which offered loads are compared.
    Peak = "peak, a second",
    Offered = "offered a second",
    OfPeak = "of the peak",
    Overloaded = "503 `overloaded` a second",
    OverloadedP50Ms = "503: p50 ms",
    OverloadedP99Ms = "503: p99 ms",
    OutcomeUnknown = "503 `outcome_unknown`",
    Conflicts = "409",
    Left = "callers who left",
    Others = "other answers",
}

/// The measures of one run.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Sample(BTreeMap<Measure, f64>);

impl Sample {
    /// Adds a value. One that is not a number, such as a ratio of counters that an older program does not
    /// have, is left out.
    pub(crate) fn add(&mut self, measure: Measure, value: f64) -> &mut Self {
        if value.is_finite() {
            self.0.insert(measure, value);
        }
        self
    }

    /// A value; not a number where it was not measured.
    pub(crate) fn get(&self, measure: Measure) -> f64 {
        self.0.get(&measure).copied().unwrap_or(f64::NAN)
    }

    /// The measures that it has.
    pub(crate) fn measures(&self) -> impl Iterator<Item = Measure> {
        self.0.keys().copied()
    }
}
