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
    scheme(url).is_some_and(|(scheme, _)| matches!(scheme.as_str(), "postgres" | "postgresql"))
}

/// The folder that a database URL names; `None` when it names a server. Faults repeat nothing of the
/// URL.
pub(super) fn folder(url: &str) -> Result<Option<PathBuf>, BadValue> {
    if names_server(url) {
        return Ok(None);
    }
    let Some((scheme, rest)) = scheme(url) else {
        return Err(BadValue::new(
            "it is not a URL",
            "Write `sqlite:DIR`, or unset it and use data-dir.",
        ));
    };
    if scheme != "sqlite" {
        return Err(BadValue::new(
            "it names a database that this program does not know",
            "Write `sqlite:DIR` or `postgres://USER:PASSWORD@HOST:PORT/DATABASE`.",
        ));
    }
    let folder = rest.strip_prefix("//").unwrap_or(rest);
    if folder == ":memory:" {
        return Err(BadValue::new("it asks for data in memory", "Unset it and use --ephemeral."));
    }
    if folder.trim().is_empty() || folder.contains(['?', '#', '\0']) {
        return Err(BadValue::new(
            "it must be `sqlite:` and a folder, with no options",
            "Write `sqlite:DIR`.",
        ));
    }
    Ok(Some(PathBuf::from(folder)))
}

/// The scheme of a URL in lower case, and what follows its colon.
fn scheme(url: &str) -> Option<(String, &str)> {
    url.split_once(':').map(|(scheme, rest)| (scheme.to_ascii_lowercase(), rest))
}
