//! The database server: reached, safe, and with our tables as this version needs them.
//!
//! Commands that mend it are for an administrator of the server, who is named by `PGUSER`.

mod guards;
mod rights;
mod server;
mod tables;

use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Error};

use super::report::Findings;
use crate::config::Config;
use poltrona_engine::store::migrations::Error as MigrationError;
use poltrona_engine::store::postgres::{Target, migrate, unsafe_settings, words};

/// Every table that the program writes to.
const TABLES: [&str; 10] = [
    "sessions",
    "seats",
    "reservations",
    "sales",
    "sale_seats",
    "outbox",
    "idempotency",
    "inbox",
    "session_stats",
    "sales_by_hour",
];

/// A connection, and what commands call things by.
struct Patient {
    client: Client,
    /// The database's name.
    database: String,
    /// The name of the role that the program connects as.
    role: String,
    /// The schema that its tables are in; none when the role may use none.
    schema: Option<String>,
}

impl Patient {
    /// The command by which an administrator has the database run statements.
    fn psql(&self, statements: &[&str]) -> String {
        let each = statements.iter().map(|sql| format!(" -c {}", quoted(sql)));
        format!("psql -d {}{}", quoted(&self.database), each.collect::<String>())
    }
}

/// Has the commands that were proposed find the server that a URL names.
pub(super) fn aim(url: &str, found: &mut Findings) {
    let name = Target::parse(url).map(|target| target.describe()).unwrap_or_default();
    let server = name.rsplit_once('/').and_then(|(server, _)| server.rsplit_once(':'));
    if let Some((host, port)) = server {
        found.aim(&quoted(host), port);
    }
}

/// Looks at the server that a URL names.
pub(super) async fn examine(url: &str, config: &Config, found: &mut Findings) {
    let target = match Target::parse(url) {
        Ok(target) => target,
        Err(error) => {
            let mend = "export DATABASE_URL=postgres://USER:PASSWORD@HOST:5432/DATABASE";
            return found.failure("url", error.to_string(), mend);
        }
    };
    let client = match target.connect().await {
        Ok(client) => client,
        Err(error) => return not_let_in(&target, &error, found),
    };
    found.ok("reach", target.describe());
    if let Err(error) = look(&target, client, config, found).await {
        if error.as_db_error().is_some() {
            let mend = "psql \"$DATABASE_URL\" -c 'SELECT current_user, current_database()'";
            found.failure("look", words(&error), mend);
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
        let mend =
            "psql -c 'ALTER SYSTEM SET max_connections = 200' && systemctl restart postgresql";
        found.failure("connections", detail, mend);
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
    let patient = Patient { client, database, role, schema };
    server::version(&patient, found).await?;
    safety(&patient, found).await?;
    server::primary(&patient, found).await?;
    server::clock(&patient, found).await?;
    server::collation(&patient, found).await?;
    server::connections(&patient, config, found).await?;
    server::old_transactions(&patient, found).await?;
    if target.is_overheard() {
        let mend = "export DATABASE_URL=\"$DATABASE_URL?sslmode=verify-full\"";
        found.warning("TLS", "off, and the server is on another machine", mend);
    }
    if !rights::examine(&patient, found).await? || !has_tables(&patient, config, found).await {
        return Ok(());
    }
    guards::examine(&patient, found).await?;
    rights::of_the_owner(&patient, found).await?;
    tables::updates(&patient, found).await?;
    tables::outbox(&patient, found).await
}

async fn safety(patient: &Patient, found: &mut Findings) -> Result<(), Error> {
    let faults = unsafe_settings(&patient.client).await?;
    if faults.is_empty() {
        let detail = "fsync, full_page_writes and synchronous_commit are on; UTF8";
        found.ok("durability", detail);
    }
    for fault in faults {
        let detail = format!("{} = {}: {}", fault.setting, fault.value, fault.harm);
        found.failure("durability", detail, fault.mend);
    }
    Ok(())
}

/// Whether our tables are there.
async fn has_tables(patient: &Patient, config: &Config, found: &mut Findings) -> bool {
    match migrate::status(&patient.client).await {
        Ok(steps) => {
            let missing = steps.iter().filter(|step| !step.applied).count();
            let has = steps.len() - missing;
            if missing == 0 {
                found.ok("schema", format!("{has}, as this version has it"));
            } else if config.run_migrations {
                found.ok("schema", format!("{has}; a start takes the {missing} steps that lack"));
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

/// A word as a shell takes it, whatever is in it.
fn quoted(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// A name as SQL takes it, whatever is in it.
fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
