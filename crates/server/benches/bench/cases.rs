//! The cases that can be measured.

mod reserve;
mod batching;
mod ceiling;
mod health;
mod purchase;
mod lone;
mod start;
mod overload;
mod postgres;
mod storm;
mod stack;
mod crowded;
mod expiry;
mod lapses;

use clap::ValueEnum;
use poltrona_engine::failpoint::Failpoint;

use crate::house::Houses;
use crate::setup::Setup;

/// A case, by its name on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Case {
    /// Requests that write nothing: health, seat maps, refusals; beside ready answers.
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
    /// More reservations than a slow disk can take. Wants the feature `chaos`.
    Overload,
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
    /// Every case that this build can measure.
    pub(crate) fn all() -> Vec<Self> {
        let can = |case: &&Self| **case != Self::Overload || Failpoint::is_built_in();
        Self::value_variants().iter().filter(can).copied().collect()
    }

    /// Measures, counts the seats, and prints a table.
    pub(crate) async fn run(self, setup: &Setup, houses: &Houses) -> anyhow::Result<()> {
        let embedded = async || houses.in_files(setup).await;
        let server = async || houses.in_postgres(setup).await;
        match self {
            Self::Health => health::run(setup, embedded().await?).await,
            Self::Reserve => reserve::run(setup, embedded().await?).await,
            Self::Batching => batching::run(setup, embedded().await?, 2.5).await,
            Self::Lone => lone::run(setup, embedded().await?).await,
            Self::Purchase => purchase::run(setup, embedded().await?).await,
            Self::Expiry => expiry::run(setup, embedded().await?).await,
            Self::Start => start::run(setup).await,
            Self::Overload => overload::run(setup, embedded().await?).await,
            Self::Ceiling => ceiling::run(setup, embedded().await?, 0.5).await,
            Self::Postgres => postgres::run(setup, server().await?).await,
            Self::Storm => storm::run(setup, server().await?).await,
            Self::Stack => stack::run(setup, server().await?).await,
            Self::Lapses => lapses::run(setup, server().await?).await,
        }
    }
}
