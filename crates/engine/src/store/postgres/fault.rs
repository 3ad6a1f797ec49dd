//! A server's error codes as errors of the store.

use std::error::Error as _;

use tokio_postgres::error::SqlState;

use crate::store::error::Error;

/// The class of a failed statement. Its transaction is not committed.
pub(super) fn of(error: &tokio_postgres::Error) -> Error {
    let words = words(error);
    // A broken connection has no code of the server's.
    let Some(state) = error.code() else { return Error::Unavailable(words) };
    match state.code() {
        // Raised by our own functions, see the migrations.
        "PLT01" => Error::Guard(words),
        "PLT02" => Error::Raced(words),
        _ if *state == SqlState::LOCK_NOT_AVAILABLE => Error::Blocked(words),
        _ if *state == SqlState::DISK_FULL => Error::Full,
        // After a fail-over, the old address may lead to a server that only reads.
        _ if *state == SqlState::READ_ONLY_SQL_TRANSACTION => Error::Unavailable(words),
        code => match code.get(..2) {
            Some("23") => Error::Guard(words),
            Some("40") => Error::Raced(words),
            // Connection, resources, operator, system; and a session that was ended for idling.
            Some("08" | "53" | "57" | "58" | "25") => Error::Unavailable(words),
            // A prepared statement that is gone, or that another client has prepared: a pooler is
            // between. The next connection fails with that reason.
            Some("26" | "42") if matches!(code, "26000" | "42P05") => Error::Unavailable(words),
            _ => Error::Driver(words),
        },
    }
}

/// The class of a COMMIT that failed after every statement succeeded.
pub(super) fn of_commit(error: &tokio_postgres::Error) -> Error {
    match of(error) {
        // The server may have died before or after it wrote the commit down.
        Error::Unavailable(words) => Error::Unknown(words),
        other => other,
    }
}

/// The fault, in one line.
pub fn words(error: &tokio_postgres::Error) -> String {
    match (error.as_db_error(), error.source()) {
        (Some(db), _) => format!("{} ({})", db.message(), db.code().code()),
        (None, Some(source)) => format!("{error}: {source}"),
        (None, None) => error.to_string(),
    }
}

impl From<tokio_postgres::Error> for Error {
    fn from(error: tokio_postgres::Error) -> Self {
        of(&error)
    }
}
