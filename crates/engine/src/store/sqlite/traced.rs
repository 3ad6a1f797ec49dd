//! The statements that the connections of this thread have run, for the test of their plans.

use std::cell::RefCell;
use std::collections::BTreeSet;

use rusqlite::Connection;
use rusqlite::trace::{TraceEvent, TraceEventCodes};

thread_local! {
    static STATEMENTS: RefCell<BTreeSet<String>> = const { RefCell::new(BTreeSet::new()) };
}

/// The connection, whose statements are noted from now on.
pub(super) fn traced(mut connection: Connection) -> rusqlite::Result<Connection> {
    connection.trace_v2(TraceEventCodes::SQLITE_TRACE_STMT, Some(note))?;
    Ok(connection)
}

#[expect(clippy::needless_pass_by_value, reason = "the library calls it so")]
fn note(event: TraceEvent<'_>) {
    let TraceEvent::Stmt(_, sql) = event else { return };
    let sql = sql.split_whitespace().collect::<Vec<_>>().join(" ");
    let reads_or_writes = ["SELECT", "INSERT", "UPDATE", "DELETE", "WITH"];
    if reads_or_writes.iter().any(|word| sql.starts_with(word)) {
        STATEMENTS.with_borrow_mut(|all| all.insert(sql));
    }
}

/// Every statement since the last [`forget`], each once, in the order of the alphabet.
pub(crate) fn statements() -> Vec<String> {
    STATEMENTS.with_borrow(|all| all.iter().cloned().collect())
}

/// Forgets them.
pub(crate) fn forget() {
    STATEMENTS.take();
}
