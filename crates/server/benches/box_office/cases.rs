//! What can be measured.

mod batching;
mod ceiling;
mod expiry;
mod health;
mod lapses;
mod lone;
mod postgres;
mod purchase;
mod reserve;
mod stack;
mod start;
mod storm;

use clap::ValueEnum;

use crate::Bench;

/// The connections that most cases use.
const CLIENTS: usize = 64;
/// A rush.
const RUSH: usize = 256;

/// A case, by its name on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Case {
    /// What needs no writing: health, seat maps, refusals; beside ready answers.
    Health,
    /// Fresh seats, each reserved once.
    Reserve,
    /// The same with and without sharing commits.
    Batching,
    /// One visitor alone, with and without sharing commits.
    Lone,
    /// A reservation and its payment.
    Purchase,
    /// Many holds that lapse at once.
    Expiry,
    /// A start over a million seats, and memory.
    Start,
    /// Reservations beside the least work that is durable.
    Ceiling,
    /// All of these in a PostgreSQL: reservations, batching, the ceiling, purchases, one visitor.
    Postgres,
    /// Refusals of one held seat, with PostgreSQL and Redis.
    Storm,
    /// One instance and three, with PostgreSQL, Redis and RabbitMQ.
    Stack,
    /// Many holds that lapse at once there.
    Lapses,
}

impl Case {
    pub(crate) fn all() -> Vec<Self> {
        Self::value_variants().to_vec()
    }

    /// Measures, counts the seats, and prints a table.
    pub(crate) async fn run(self, bench: &Bench) -> anyhow::Result<()> {
        match self {
            Self::Health => health::run(bench).await,
            Self::Reserve => reserve::run(bench).await,
            Self::Batching => batching::run(bench, bench.house().await?, 2.5).await,
            Self::Lone => lone::run(bench, bench.house().await?).await,
            Self::Purchase => purchase::run(bench, bench.house().await?).await,
            Self::Expiry => expiry::run(bench).await,
            Self::Start => start::run(bench).await,
            Self::Ceiling => ceiling::run(bench, bench.house().await?, 0.5).await,
            Self::Postgres => postgres::run(bench, bench.postgres_house().await?).await,
            Self::Storm => storm::run(bench, bench.postgres_house().await?).await,
            Self::Stack => stack::run(bench, bench.postgres_house().await?).await,
            Self::Lapses => lapses::run(bench, bench.postgres_house().await?).await,
        }
    }
}
