//! A connection to the server, and how commands call what is on it.

use tokio_postgres::Client;

/// Every table that the program writes.
pub(super) const TABLES: [&str; 12] = [
    "sessions",
    "session_versions",
    "session_names",
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

/// A connection, and the names by which commands call the server.
pub(super) struct Connection {
    pub(super) client: Client,
    /// The database's name.
    pub(super) database: String,
    /// The name of the role that the program connects as.
    pub(super) role: String,
    /// The schema of its tables; `None` when the role may use none.
    pub(super) schema: Option<String>,
}

impl Connection {
    /// The command by which an administrator runs statements in the database.
    pub(super) fn psql(&self, statements: &[&str]) -> String {
        let each = statements.iter().map(|sql| format!(" -c {}", quoted(sql)));
        format!("psql -d {}{}", quoted(&self.database), each.collect::<String>())
    }
}

/// `text` as one word of a shell.
pub(super) fn quoted(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// `name` as an identifier of SQL.
pub(super) fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
