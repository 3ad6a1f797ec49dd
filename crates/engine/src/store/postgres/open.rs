//! Opening a server's database.

use super::kept::keeps_connections;
use super::migrate;
use super::open_error::OpenError;
use super::pool::{Pool, Readers};
use super::target::Target;
use super::writer::Writer;
use super::{fault, primaries, row, safety};
use crate::env::clock::Clock;
use crate::store::options::Options;

/// Everything that reaches one server.
pub struct Opened {
    /// One for each worker of the ledger.
    pub writers: Vec<Writer>,
    /// For queries.
    pub readers: Readers,
    /// For background writes.
    pub pool: Pool,
}

/// Checks that the server is safe to sell on and has this program's schema, and makes its writers
/// and pools. Connections are opened when they are first needed.
pub async fn open(target: &Target, options: Options, clock: &Clock) -> Result<Opened, OpenError> {
    let unreachable = |error: &tokio_postgres::Error| OpenError::Unreachable(fault::words(error));
    let mut client = target.connect().await.map_err(|error| unreachable(&error))?;
    if !keeps_connections(target).await.map_err(|error| unreachable(&error))? {
        return Err(OpenError::Pooled);
    }
    if let Some(several) = several_primaries(target).await {
        return Err(OpenError::Primaries(several));
    }
    safety::check(&client).await?;
    if options.run_migrations {
        migrate::up(&mut client).await?;
    }
    migrate::ready(&client).await?;
    // From here on this process's clock goes by the server's.
    let now = client.query_one(&format!("SELECT {}", row::NOW), &[]).await;
    clock.sync_to_server(row::time(&now.map_err(|error| unreachable(&error))?, 0)?);
    drop(client);
    let writers = (0..options.workers).map(|_| Writer::new(target, clock.clone()));
    Ok(Opened {
        writers: writers.collect(),
        readers: Readers::new(target, options.read_connections, clock.clone()),
        pool: Pool::new(target),
    })
}

/// The hosts that take writes, if several do. One host alone is not asked.
async fn several_primaries(target: &Target) -> Option<Vec<String>> {
    if target.hosts().len() < 2 {
        return None;
    }
    primaries::several(target).await
}
