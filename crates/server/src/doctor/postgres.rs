//! Checks PostgreSQL: that it can be reached, keeps what it commits, and has the tables of this version.
//!
//! The fixes are commands for an administrator of the server, whom `PGUSER` names.

mod connection;
mod server;
mod guards;
mod rights;
mod tables;

use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Error};

use super::report::Findings;
use crate::config::Config;
use connection::{Connection, quoted};
use poltrona_engine::store::migrations::Error as MigrationError;
use poltrona_engine::store::postgres::{
    POOLED, Target, keeps_connections, migrate, unsafe_settings, words,
};
use poltrona_engine::tls::Tls;

/// Adds host and port of the server at `url` to the fixes found so far.
pub(super) fn aim(url: &str, found: &mut Findings) {
    let name = Target::parse(url).map(|target| target.describe()).unwrap_or_default();
    let server = name.rsplit_once('/').and_then(|(server, _)| server.rsplit_once(':'));
    if let Some((host, port)) = server {
        found.aim(&quoted(host), port);
    }
}

/// Checks the server at `url`.
pub(super) async fn examine(url: &str, tls: &Tls, config: &Config, found: &mut Findings) {
    let target = match Target::parse(url) {
        Ok(target) => target.trusting(tls),
        Err(error) => {
            let fix = "export DATABASE_URL=postgres://USER:PASSWORD@HOST:5432/DATABASE";
            return found.failure("url", error.to_string(), fix);
        }
    };
    let client = match target.connect().await {
        Ok(client) => client,
        Err(error) => return not_let_in(&target, &error, found),
    };
    found.ok("reach", target.describe());
    match keeps_connections(&target).await {
        Ok(true) => found.ok("pooler", "none, or one that keeps a connection's settings"),
        Ok(false) => {
            let fix = "sed -i 's/^pool_mode.*/pool_mode = session/' /etc/pgbouncer/pgbouncer.ini && \
                       systemctl reload pgbouncer";
            found.failure("pooler", POOLED, fix);
        }
        Err(error) => return found.away(words(&error)),
    }
    if let Err(error) = look(&target, client, config, found).await {
        if error.as_db_error().is_some() {
            let fix = "psql \"$DATABASE_URL\" -c 'SELECT current_user, current_database()'";
            found.failure("look", words(&error), fix);
        } else {
            found.away(words(&error));
        }
    }
}

fn not_let_in(target: &Target, error: &Error, found: &mut Findings) {
    let detail = format!("{}: {}", target.describe(), words(error));
    let code = error.code();
    let is = |state: SqlState| code == Some(&state);
    if is(SqlState::INVALID_PASSWORD) || is(SqlState::INVALID_AUTHORIZATION_SPECIFICATION) {
        found.failure("login", detail, "psql -c '\\password ROLE'");
    } else if is(SqlState::INVALID_CATALOG_NAME) {
        let create = "createdb --encoding UTF8 --template template0";
        let name = target.describe();
        let name = name.rsplit('/').next().unwrap_or_default();
        found.failure("database", detail, format!("{create} {}", quoted(name)));
    } else if is(SqlState::TOO_MANY_CONNECTIONS) {
        let fix =
            "psql -c 'ALTER SYSTEM SET max_connections = 200' && systemctl restart postgresql";
        found.failure("connections", detail, fix);
    } else {
        found.away(detail);
    }
}

async fn look(
    target: &Target,
    client: Client,
    config: &Config,
    found: &mut Findings,
) -> Result<(), Error> {
    let sql = "SELECT current_database()::text, current_user::text, current_schema()::text";
    let row = client.query_one(sql, &[]).await?;
    let (database, role, schema) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
    let connection = Connection { client, database, role, schema };
    server::version(&connection, found).await?;
    safety(&connection, found).await?;
    server::primary(&connection, found).await?;
    server::standbys(&connection, found).await?;
    server::clock(&connection, found).await?;
    server::collation(&connection, found).await?;
    server::connections(&connection, config, found).await?;
    server::old_transactions(&connection, found).await?;
    if target.is_overheard() {
        let fix = "export DATABASE_URL=\"$DATABASE_URL?sslmode=verify-full\"";
        found.warning("TLS", "off, and the server is on another machine", fix);
    }
    if !rights::examine(&connection, found).await? || !has_tables(&connection, config, found).await
    {
        return Ok(());
    }
    guards::examine(&connection, found).await?;
    rights::of_the_owner(&connection, found).await?;
    tables::updates(&connection, found).await?;
    tables::outbox(&connection, found).await
}

async fn safety(connection: &Connection, found: &mut Findings) -> Result<(), Error> {
    let faults = unsafe_settings(&connection.client).await?;
    if faults.is_empty() {
        let detail = "fsync, full_page_writes and synchronous_commit are on; UTF8";
        found.ok("durability", detail);
    }
    for fault in faults {
        let detail = format!("{} = {}: {}", fault.setting, fault.value, fault.harm);
        found.failure("durability", detail, fault.fix);
    }
    Ok(())
}

/// Whether the tables of this version exist.
async fn has_tables(connection: &Connection, config: &Config, found: &mut Findings) -> bool {
    match migrate::status(&connection.client).await {
        Ok(steps) => {
            let missing = steps.iter().filter(|step| !step.applied).count();
            let has = steps.len() - missing;
            if missing == 0 {
                found.ok("schema", format!("{has}, the schema of this version"));
            } else if config.run_migrations {
                found.ok("schema", format!("{has}; the next start applies {missing} migrations"));
            } else {
                let detail = format!("{has}, and this version needs {}", steps.len());
                found.failure("schema", detail, "poltrona migrate up");
            }
            missing == 0
        }
        Err(error @ MigrationError::Newer { .. }) => {
            found.failure("schema", error.to_string(), "poltrona --version");
            false
        }
        Err(error) => {
            found.failure("schema", error.to_string(), "poltrona migrate status");
            false
        }
    }
}
