//! Whether a server keeps what it acknowledges.

use tokio_postgres::Client;

use super::{OpenError, fault};

/// A setting under which an acknowledged sale could be lost.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("PostgreSQL runs with {setting} = {value}: {harm}; mend it with `{mend}`")]
pub struct Unsafe {
    /// The setting's name.
    pub setting: String,
    /// What it is.
    pub value: String,
    /// What could happen.
    pub harm: &'static str,
    /// The command that mends it.
    pub mend: String,
}

const LOST: &str = "a crash could take back sales that were acknowledged";
const TORN: &str = "a crash could leave half-written pages behind";
const GARBLED: &str = "names of films and people could not be stored";
/// The oldest server that this is tested with, as `server_version_num`.
const OLDEST: i32 = 130_000;

/// Fails unless the server is safe to sell on.
pub(super) async fn check(client: &Client) -> Result<(), OpenError> {
    match unsafe_settings(client).await {
        Ok(found) => found.into_iter().next().map_or(Ok(()), |first| Err(first.into())),
        Err(error) => Err(OpenError::Unreachable(fault::words(&error))),
    }
}

/// Every setting under which something could be lost.
pub async fn unsafe_settings(client: &Client) -> Result<Vec<Unsafe>, tokio_postgres::Error> {
    // On a connection without our limits, so that it is the server's own settings that are read.
    let row = client
        .query_one(
            "SELECT current_setting('fsync'), current_setting('full_page_writes'),
                    current_setting('synchronous_commit'), current_setting('server_encoding'),
                    current_setting('server_version_num')::int",
            &[],
        )
        .await?;
    let text = |column: usize| row.get::<_, String>(column);
    let alter = |setting: &str| {
        format!("psql -c 'ALTER SYSTEM SET {setting} = on' -c 'SELECT pg_reload_conf()'")
    };
    let mut found = Vec::new();
    let settings =
        [(0, "fsync", LOST), (1, "full_page_writes", TORN), (2, "synchronous_commit", LOST)];
    for (column, setting, harm) in settings {
        if text(column) == "off" {
            let (setting, value) = (setting.to_owned(), text(column));
            found.push(Unsafe { mend: alter(&setting), setting, value, harm });
        }
    }
    if text(3) != "UTF8" {
        found.push(Unsafe {
            setting: "server_encoding".to_owned(),
            value: text(3),
            harm: GARBLED,
            mend: "createdb --encoding UTF8 --template template0 NAME".to_owned(),
        });
    }
    if row.get::<_, i32>(4) < OLDEST {
        found.push(Unsafe {
            setting: "server_version_num".to_owned(),
            value: row.get::<_, i32>(4).to_string(),
            harm: "it is older than this program is tested with",
            mend: "pg_upgrade".to_owned(),
        });
    }
    Ok(found)
}
