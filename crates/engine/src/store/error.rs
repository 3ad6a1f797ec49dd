//! Errors of a store.

/// Why an operation of a store failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The disk is full: nothing was written, and reading goes on.
    #[error("no space left for the database")]
    Full,
    /// A write met rows that were not as they were read, or broke a constraint. Under the locks
    /// that a batch takes this is a bug, and the guards have kept it from selling anything.
    #[error("guard: {0}")]
    Guard(String),
    /// Another instance wrote a row first that a batch also meant to write. Nothing was saved; run
    /// again, the batch will see that row.
    #[error("raced: {0}")]
    Raced(String),
    /// Another session kept rows locked past the limit. Nothing was saved.
    #[error("blocked: {0}")]
    Blocked(String),
    /// The connection was lost while a commit was under way: it is not known whether it happened.
    #[error("the outcome of a commit is unknown: {0}")]
    Unknown(String),
    /// The store is closed, busy past its limit, or cannot be reached.
    #[error("the database cannot be used now: {0}")]
    Unavailable(String),
    /// The disk failed under a write, so that its content is unknown. Going on could lose an
    /// acknowledged sale (a second fsync may report success for data that is gone): the program
    /// ends, and the next start recovers.
    #[error("the disk failed: {0}")]
    Disk(String),
    /// The database refused a statement, or holds an invalid value.
    #[error("database: {0}")]
    Driver(String),
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode as Code;
        // The log's index could not grow: that too is a full disk, before anything was written.
        if error.sqlite_extended_error_code() == Some(rusqlite::ffi::SQLITE_IOERR_SHMSIZE) {
            return Self::Full;
        }
        match error.sqlite_error_code() {
            Some(Code::DiskFull) => Self::Full,
            Some(Code::ConstraintViolation) => Self::Guard(error.to_string()),
            Some(Code::DatabaseBusy | Code::DatabaseLocked | Code::CannotOpen) => {
                Self::Unavailable(error.to_string())
            }
            Some(Code::SystemIoFailure | Code::DatabaseCorrupt | Code::NotADatabase) => {
                Self::Disk(error.to_string())
            }
            _ => Self::Driver(error.to_string()),
        }
    }
}

impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        Self::Driver(error.to_string())
    }
}
