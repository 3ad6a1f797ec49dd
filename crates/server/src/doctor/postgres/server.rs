//! Checks the server as a whole.

use tokio_postgres::Error;

use super::connection::Connection;
use crate::config::Config;
use crate::doctor::report::Findings;
use poltrona_engine::env::clock::Clock;
use poltrona_engine::store::postgres::{BACKGROUND_CONNECTIONS, PING_CONNECTIONS};

/// How far its clock may differ from this machine's, in milliseconds.
const CLOCK_MILLIS: i64 = 1_000;
/// How long a transaction may last before a warning, in seconds.
const OLD_SECONDS: f64 = 60.0;

pub(super) async fn version(connection: &Connection, found: &mut Findings) -> Result<(), Error> {
    // Whether it is new enough is checked with its safety.
    let row = connection.client.query_one("SELECT current_setting('server_version')", &[]).await?;
    found.ok("version", row.try_get::<_, String>(0)?);
    Ok(())
}

pub(super) async fn primary(connection: &Connection, found: &mut Findings) -> Result<(), Error> {
    let row = connection.client.query_one("SELECT pg_is_in_recovery()", &[]).await?;
    if row.try_get(0)? {
        let fix = "export DATABASE_URL=postgres://USER:PASSWORD@PRIMARY:5432/DATABASE";
        found.failure("role", "a standby, which takes no writes: name the primary", fix);
    } else {
        found.ok("role", "the primary");
    }
    Ok(())
}

/// Whether a fail-over would lose what was acknowledged, or no sale can be acknowledged at all.
pub(super) async fn standbys(connection: &Connection, found: &mut Findings) -> Result<(), Error> {
    // A role without the right to see statistics is not shown which standbys keep up.
    let sql = "SELECT current_setting('synchronous_standby_names') <> '',
                      count(pid), count(*) FILTER (WHERE sync_state IN ('sync', 'quorum')),
                      pg_has_role(current_user, 'pg_read_all_stats', 'MEMBER')
               FROM pg_stat_replication";
    let row = connection.client.query_one(sql, &[]).await?;
    let (is_named, attached, in_step): (bool, i64, i64) =
        (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
    let is_shown: bool = row.try_get(3)?;
    let name = connection.psql(&["ALTER SYSTEM SET synchronous_standby_names = '*'"]);
    match (is_named, attached, in_step) {
        (true, _, 0) if is_shown => {
            let detail = "synchronous_standby_names is set and no standby keeps up: no sale can be \
                          acknowledged";
            let fix = connection.psql(&["SELECT * FROM pg_stat_replication"]);
            found.failure("standbys", detail, fix);
        }
        (false, 1.., _) => {
            let detail = format!(
                "{attached}, none of them synchronous: a failover loses the last acknowledged \
                 sales"
            );
            found.warning("standbys", detail, format!("{name} && systemctl reload postgresql"));
        }
        (false, ..) => found.ok("standbys", "none"),
        (true, ..) => found.ok("standbys", format!("{attached}, and commits wait for them")),
    }
    Ok(())
}

pub(super) async fn clock(connection: &Connection, found: &mut Findings) -> Result<(), Error> {
    let before = Clock::System.now().as_millis();
    let asked = "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint";
    let theirs: i64 = connection.client.query_one(asked, &[]).await?.try_get(0)?;
    let after = Clock::System.now().as_millis();
    let apart = (theirs - after).max(before - theirs).max(0);
    if apart > CLOCK_MILLIS {
        let detail = format!(
            "{apart} ms from this machine's: holds follow the server's, but the two logs disagree"
        );
        found.warning("clock", detail, "timedatectl set-ntp true");
    } else {
        found.ok("clock", "equal to this machine's");
    }
    Ok(())
}

pub(super) async fn collation(connection: &Connection, found: &mut Findings) -> Result<(), Error> {
    let sql = "SELECT EXISTS (SELECT 1 FROM pg_collation WHERE collname = 'und-x-icu')";
    if connection.client.query_one(sql, &[]).await?.try_get(0)? {
        found.ok("collation", "und-x-icu, by which films are searched");
    } else {
        let fix = connection.psql(&["SELECT pg_import_system_collations('pg_catalog')"]);
        found.failure("collation", "und-x-icu is missing: films cannot be searched", fix);
    }
    Ok(())
}

/// Whether one more instance would find connections: a rolling restart may start the new one before
/// the old one has ended.
pub(super) async fn connections(
    connection: &Connection,
    config: &Config,
    found: &mut Findings,
) -> Result<(), Error> {
    let sql = "SELECT current_setting('max_connections')::bigint
                      - current_setting('superuser_reserved_connections')::bigint,
                      count(*) FILTER (WHERE application_name = 'poltrona'), count(*)
               FROM pg_stat_activity
               WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()";
    let row = connection.client.query_one(sql, &[]).await?;
    let (most, ours, open): (i64, i64, i64) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
    let shared = BACKGROUND_CONNECTIONS + PING_CONNECTIONS;
    let each = config.ledger_workers + config.read_connections + shared;
    let each = i64::try_from(each).unwrap_or(i64::MAX);
    // Connections are opened when first needed, so this is the least number of instances.
    let instances = ours / each + i64::from(ours % each > 0);
    let needed = (instances + 1) * each + (open - ours);
    let detail = format!(
        "{open} open of {most}; an instance opens up to {each}, and {instances} or more are at work"
    );
    if needed > most {
        let alter = format!("ALTER SYSTEM SET max_connections = {}", needed + each);
        let fix = format!("{} && systemctl restart postgresql", connection.psql(&[&alter]));
        found.warning("connections", format!("{detail}: one more instance may get none"), fix);
    } else {
        found.ok("connections", detail);
    }
    Ok(())
}

/// Warns of a transaction that is open for long: the server must keep the old versions of all rows
/// that changed since, and each seat's page fills with them.
pub(super) async fn old_transactions(
    connection: &Connection,
    found: &mut Findings,
) -> Result<(), Error> {
    let sql = "SELECT pid, extract(epoch FROM clock_timestamp() - xact_start)::float8
               FROM pg_stat_activity
               WHERE datname = current_database() AND backend_type = 'client backend'
                     AND (backend_xmin IS NOT NULL OR backend_xid IS NOT NULL)
                     AND pid <> pg_backend_pid()
               ORDER BY xact_start LIMIT 1";
    let oldest = connection.client.query_opt(sql, &[]).await?;
    let oldest: Option<(i32, Option<f64>)> =
        oldest.map(|row| Ok::<_, Error>((row.try_get(0)?, row.try_get(1)?))).transpose()?;
    match oldest {
        Some((pid, Some(seconds))) if seconds > OLD_SECONDS => {
            let detail = format!(
                "process {pid} has had one open for {seconds:.0} s: VACUUM cannot remove newer dead rows"
            );
            let fix = connection.psql(&[&format!("SELECT pg_terminate_backend({pid})")]);
            found.warning("transactions", detail, fix);
        }
        _ => found.ok("transactions", "none is open for long"),
    }
    Ok(())
}
