//! Where the data are kept.

use std::path::PathBuf;

use super::fault::BadValue;
use super::value::Secret;

/// The database that the settings choose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Database {
    /// SQLite in this folder, embedded.
    Folder(PathBuf),
    /// SQLite in a temporary folder, which is deleted when the program ends.
    Ephemeral,
    /// A PostgreSQL server, by its URL; instances share it.
    Server(Secret),
}

/// Whether a database URL names a PostgreSQL server.
pub(super) fn names_server(url: &str) -> bool {
    matches!(folder(url), Ok(None))
}

/// The folder that a database URL names; `None` when it names a server. Faults repeat nothing of
/// the URL.
pub(super) fn folder(url: &str) -> Result<Option<PathBuf>, BadValue> {
    let bad = |why: &str, hint: &str| Err(BadValue::new(why, hint));
    let Some((scheme, rest)) = url.split_once(':') else {
        return bad("it is not a URL", "Write `sqlite:DIR`, or unset it and use data-dir.");
    };
    match scheme.to_ascii_lowercase().as_str() {
        "postgres" | "postgresql" => return Ok(None),
        "sqlite" => {}
        _ => {
            let hint = "Write `sqlite:DIR` or `postgres://USER:PASSWORD@HOST:PORT/DATABASE`.";
            return bad("it names a database that this program does not know", hint);
        }
    }
    let folder = rest.strip_prefix("//").unwrap_or(rest);
    if folder == ":memory:" {
        return bad("it asks for data in memory", "Unset it and use --ephemeral.");
    }
    if folder.trim().is_empty() || folder.contains(['?', '#', '\0']) {
        return bad("it must be `sqlite:` and a folder, with no options", "Write `sqlite:DIR`.");
    }
    Ok(Some(PathBuf::from(folder)))
}
