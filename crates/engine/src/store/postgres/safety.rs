//! Whether a server keeps what it acknowledges.

use futures_util::future::BoxFuture;
use tokio_postgres::Client;

use super::fault;
use super::open_error::{OpenError, Unsafe};

const LOST: &str = "a crash could take back sales that were acknowledged";
const TORN: &str = "a crash could leave half-written pages behind";
const GARBLED: &str = "names of films and people could not be stored";
/// The oldest server that this is tested with, as `server_version_num`.
const OLDEST: i32 = 130_000;

/// Fails unless the server takes writes and is safe to sell on.
pub(super) async fn check(client: &Client) -> Result<(), OpenError> {
    let recovers = client.query_one("SELECT pg_is_in_recovery()", &[]).await;
    let is_standby = recovers.map(|row| row.get::<_, bool>(0));
    if is_standby.map_err(|error| OpenError::Unreachable(fault::words(&error)))? {
        return Err(OpenError::Standby);
    }
    match unsafe_settings(client).await {
        Ok(found) => found.into_iter().next().map_or(Ok(()), |first| Err(first.into())),
        Err(error) => Err(OpenError::Unreachable(fault::words(&error))),
    }
}

/// Every setting under which something could be lost.
pub fn unsafe_settings(
    client: &Client,
) -> BoxFuture<'_, Result<Vec<Unsafe>, tokio_postgres::Error>> {
    Box::pin(async move {
        // On a connection without our limits, so that it is the server's own settings that are read.
        let off = client
            .query(
                "SELECT name, source, quote_ident(current_database()), quote_ident(current_user)
                 FROM pg_settings WHERE setting = 'off'
                    AND name IN ('fsync', 'full_page_writes', 'synchronous_commit') ORDER BY name",
                &[],
            )
            .await?;
        let row = client
            .query_one(
                "SELECT current_setting('server_encoding'), current_setting('server_version_num')::int",
                &[],
            )
            .await?;
        let mut found = Vec::new();
        for row in &off {
            let [setting, source, database, user] = [0, 1, 2, 3].map(|at| row.get::<_, String>(at));
            let fix = fix(&setting, &source, &database, &user);
            let harm = if setting == "full_page_writes" { TORN } else { LOST };
            found.push(Unsafe { setting, value: "off".to_owned(), harm, fix });
        }
        if row.get::<_, String>(0) != "UTF8" {
            found.push(Unsafe {
                setting: "server_encoding".to_owned(),
                value: row.get(0),
                harm: GARBLED,
                fix: "createdb --encoding UTF8 --template template0 NAME".to_owned(),
            });
        }
        if row.get::<_, i32>(1) < OLDEST {
            found.push(Unsafe {
                setting: "server_version_num".to_owned(),
                value: row.get::<_, i32>(1).to_string(),
                harm: "it is older than this program is tested with",
                fix: "pg_upgrade".to_owned(),
            });
        }
        Ok(found)
    })
}

/// The command that turns a setting on again where it was turned off: a setting nearer to the
/// connection overrides the server's.
fn fix(setting: &str, source: &str, database: &str, user: &str) -> String {
    match source {
        "database" => format!("psql -c 'ALTER DATABASE {database} RESET {setting}'"),
        "user" => format!("psql -c 'ALTER ROLE {user} RESET {setting}'"),
        "database user" => {
            format!("psql -c 'ALTER ROLE {user} IN DATABASE {database} RESET {setting}'")
        }
        "command line" => format!("postgres -c {setting}=on"),
        "client" => format!("a database URL that does not set {setting}"),
        _ => format!("psql -c 'ALTER SYSTEM SET {setting} = on' -c 'SELECT pg_reload_conf()'"),
    }
}
