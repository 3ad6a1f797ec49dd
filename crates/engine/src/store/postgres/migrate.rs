//! Migrations, each applied once, in its own transaction, by one instance at a time.

use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::time::Instant;
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;
use tracing::{info, warn};

use super::{fault, row};
use crate::env::clock::pause;
use crate::store::migrations::{self, Error, MIGRATIONS, Migration, Status, checksum, statuses};

/// The advisory lock for migrating. A number of this program's own.
const MIGRATING: i64 = 0x706f_6c74_0002;

/// How long missing steps are tried.
const TRYING: Duration = Duration::from_mins(10);
/// A session that migrates for longer may be frozen, or gone with its connection still open.
const TURN: &str = "SET lock_timeout = '15min'";

/// A wait to alter a table blocks every later statement on it. Batches give up after a second, so
/// this is less.
const POLITE: &str = "SET LOCAL lock_timeout = '500ms'";
/// PostgreSQL ends an autovacuum that blocks a lock for a second, `deadlock_timeout`: once in a
/// while a step waits for that.
const STUBBORN: &str = "SET LOCAL lock_timeout = '1100ms'";
/// How often a step waits politely before it is stubborn once.
const POLITELY: u32 = 9;
/// How long the table is left to others between tries.
const ASIDE: Duration = Duration::from_secs(2);

/// Applies what is missing; says which migrations those were. Instances that start at the same time
/// wait for each other.
pub fn up(client: &mut Client) -> BoxFuture<'_, Result<Vec<&'static Migration>, Error>> {
    Box::pin(async move { apply(client, MIGRATIONS, TRYING).await })
}

/// Which migrations the database has. Changes nothing.
pub fn status(client: &Client) -> BoxFuture<'_, Result<Vec<Status>, Error>> {
    Box::pin(async move { Ok(statuses(newest(client, MIGRATIONS).await?)) })
}

/// Fails unless this program can use the database as it is.
pub(super) async fn ready(client: &Client) -> Result<(), Error> {
    let found = newest(client, MIGRATIONS).await?;
    let needed = MIGRATIONS.last().map_or(0, |step| step.version);
    if found < needed { Err(Error::Missing { found, needed }) } else { Ok(()) }
}

/// Like [`up`], for these steps, and for at most `trying`.
pub async fn apply<'a>(
    client: &mut Client,
    steps: &'a [Migration],
    trying: Duration,
) -> Result<Vec<&'a Migration>, Error> {
    wait_for_turn(client).await?;
    let applied = apply_alone(client, steps, Instant::now() + trying).await;
    // Should this fail, the end of the connection ends the lock.
    let _ = client.execute("SELECT pg_advisory_unlock($1)", &[&MIGRATING]).await;
    applied
}

/// Waits for the advisory lock; logs that it waits.
async fn wait_for_turn(client: &Client) -> Result<(), Error> {
    let turn = "SELECT pg_try_advisory_lock($1)";
    if client.query_one(turn, &[&MIGRATING]).await?.try_get(0)? {
        return Ok(());
    }
    info!(target: "database", "another instance is migrating; waiting for it");
    client.batch_execute(TURN).await?;
    let waited = client.execute("SELECT pg_advisory_lock($1)", &[&MIGRATING]).await;
    waited.map_err(|error| if is_in_use(&error) { Error::NoTurn } else { error.into() })?;
    client.batch_execute("SET lock_timeout = 0").await?;
    Ok(())
}

async fn apply_alone<'a>(
    client: &mut Client,
    steps: &'a [Migration],
    until: Instant,
) -> Result<Vec<&'a Migration>, Error> {
    let applied = newest(client, steps).await?;
    let missing: Vec<_> = steps.iter().filter(|step| step.version > applied).collect();
    if missing.is_empty() {
        // A role that only serves may not create tables, not even with IF NOT EXISTS.
        return Ok(missing);
    }
    client
        .batch_execute(
            "CREATE TABLE IF NOT EXISTS schema_migrations (
                version    bigint PRIMARY KEY,
                name       text NOT NULL,
                checksum   bytea NOT NULL,
                applied_at bigint NOT NULL,
                oldest     bigint NOT NULL
            )",
        )
        .await?;
    for step in &missing {
        apply_in_time(client, step, until).await?;
    }
    Ok(missing)
}

/// Applies a step, and steps aside whenever its table is in use for long.
async fn apply_in_time(client: &mut Client, step: &Migration, until: Instant) -> Result<(), Error> {
    let Migration { version, name, .. } = *step;
    for tried in 1_u32.. {
        let patience = if tried % (POLITELY + 1) == 0 { STUBBORN } else { POLITE };
        match apply_one(client, step, patience).await {
            Err(error) if !is_in_use(&error) => return Err(error.into()),
            Err(_) if Instant::now() < until => {}
            Err(_) => return Err(Error::InUse { version, name }),
            Ok(()) => break,
        }
        if tried == 1 {
            warn!(target: "database", version, name, "a migration waits for a table in use");
        }
        pause(ASIDE).await;
    }
    Ok(())
}

/// Whether another session has the lock.
fn is_in_use(error: &tokio_postgres::Error) -> bool {
    let states = [SqlState::LOCK_NOT_AVAILABLE, SqlState::T_R_DEADLOCK_DETECTED];
    error.code().is_some_and(|state| states.contains(state))
}

async fn apply_one(
    client: &mut Client,
    step: &Migration,
    patience: &str,
) -> Result<(), tokio_postgres::Error> {
    let tx = client.transaction().await?;
    tx.batch_execute(patience).await?;
    tx.batch_execute(step.postgres).await?;
    let checksum = checksum(step.postgres);
    tx.execute(
        &format!(
            "INSERT INTO schema_migrations (version, name, checksum, applied_at, oldest)
             VALUES ($1, $2, $3, {}, $4)",
            row::NOW
        ),
        &[&step.version, &step.name, &&checksum[..], &step.oldest],
    )
    .await?;
    tx.commit().await
}

/// The newest migration that the database has, 0 for none; fails unless this program can work with
/// all of them.
async fn newest(client: &Client, steps: &[Migration]) -> Result<i64, Error> {
    let exists =
        client.query_one("SELECT to_regclass('schema_migrations') IS NOT NULL", &[]).await?;
    if !exists.try_get::<_, bool>(0)? {
        return Ok(0);
    }
    let rows = client
        .query("SELECT version, checksum, oldest FROM schema_migrations ORDER BY version", &[])
        .await?;
    let applied = rows.iter().map(|row| {
        Ok(migrations::Applied {
            version: row.try_get(0)?,
            checksum: row.try_get(1)?,
            oldest: row.try_get(2)?,
        })
    });
    let applied = applied.collect::<Result<Vec<_>, tokio_postgres::Error>>()?;
    migrations::check(&applied, steps, |step| step.postgres)
}

impl From<tokio_postgres::Error> for Error {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Postgres(fault::words(&error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_for_the_migration_lock_names_the_lock() {
        // PostgreSQL shows the lower half of a lock's number as `objid`.
        let expected = format!("objid = {} ", MIGRATING & 0xffff_ffff);
        assert!(Error::NoTurn.to_string().contains(&expected), "{expected}");
    }
}
