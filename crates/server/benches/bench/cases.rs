//! The cases that can be measured.

mod health;
mod reserve;
mod batching;
mod purchase;
mod lone;
mod open;
mod storm;
mod stack;
mod crowded;
mod expiry;
mod start;
mod overload;
mod growth;
mod url;

use clap::ValueEnum;
use poltrona_engine::failpoint::Failpoint;

use crate::report::Section;
use crate::setup::Setup;
use crate::testbed::{Engines, Testbed};

/// A case, by its name on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Case {
    /// Requests that write nothing: health, seat maps, refusals; beside ready answers.
    Health,
    /// Fresh seats, each reserved once, beside the least work that is durable.
    Reserve,
    /// The same with and without sharing commits.
    Batching,
    /// A reservation and its payment, beside reservations alone.
    Purchase,
    /// One client alone, embedded and on the full stack, with and without sharing commits.
    Lone,
    /// Many holds that lapse at once.
    Expiry,
    /// A start over a million seats, and memory.
    Start,
    /// More reservations than a slow disk can take. Wants the feature `chaos`.
    Overload,
    /// Reservations over PostgreSQL, beside its ceiling.
    Postgres,
    /// Batching over PostgreSQL.
    PostgresBatching,
    /// Purchases over PostgreSQL.
    PostgresPurchase,
    /// Refusals of one held seat, with PostgreSQL and Redis.
    Storm,
    /// One instance and three, with PostgreSQL, Redis and RabbitMQ, beside the PostgreSQL ceiling.
    Stack,
    /// Many holds that lapse at once there.
    Lapses,
    /// Latency at 30, 50, 70 and 90 % of the peak: embedded, PostgreSQL, and the full stack.
    OpenLoop,
    /// Servers that run already, named by --url, beside ours.
    Url,
    /// The cost with ten million seats, and with ten times the history; long, and only by its name.
    Growth,
}

impl Case {
    /// The cases that are measured when none is named: the servers that were named, or all of our own.
    pub(crate) fn default_of(setup: &Setup) -> Vec<Self> {
        if !setup.remotes.is_empty() {
            return vec![Self::Url];
        }
        let can = |case: &&Self| match case {
            Self::Overload => Failpoint::is_built_in(),
            Self::Url | Self::Growth => false,
            _ => true,
        };
        Self::value_variants().iter().filter(can).copied().collect()
    }

    /// Measures, and audits the books.
    pub(crate) async fn run(self, testbed: &Testbed) -> anyhow::Result<Vec<Section>> {
        const ONE: (usize, [&str; 2]) = (1, ["lateness_ms_one", "latest_secs_one"]);
        const MANY: (usize, [&str; 2]) = (stack::MANY, ["lateness_ms_three", "latest_secs_three"]);
        const EMBEDDED: (usize, [&str; 2]) = (1, ["lateness_ms", "latest_secs"]);
        use Engines::{Embedded, Full, Postgres};
        let one = |section| vec![section];
        match self {
            Self::Health => health::run(testbed).await,
            Self::Reserve => reserve::embedded(testbed).await,
            Self::Batching => {
                batching::run(testbed, "batching", Embedded, "batching").await.map(one)
            }
            Self::Purchase => {
                purchase::run(testbed, "purchase", Embedded, "purchases").await.map(one)
            }
            Self::Lone => lone::run(testbed).await,
            Self::Expiry => expiry::run(testbed, "expiry", Embedded, &[EMBEDDED]).await,
            Self::Start => start::run(testbed).await,
            Self::Overload => overload::run(testbed).await,
            Self::Postgres => reserve::postgres(testbed).await,
            Self::PostgresBatching => {
                let case = "postgres-batching";
                batching::run(testbed, case, Postgres, "batching_postgres").await.map(one)
            }
            Self::PostgresPurchase => {
                let case = "postgres-purchase";
                purchase::run(testbed, case, Postgres, "purchases_postgres").await.map(one)
            }
            Self::Storm => storm::run(testbed).await,
            Self::Stack => stack::run(testbed).await,
            Self::Lapses => expiry::run(testbed, "lapses", Full, &[ONE, MANY]).await,
            Self::OpenLoop => open::run(testbed).await,
            Self::Url => url::run(testbed).await,
            Self::Growth => growth::run(testbed).await,
        }
    }
}
