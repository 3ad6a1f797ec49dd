//! Why a server cannot be used.

use crate::store::error::Error;
use crate::store::migrations;

/// The fault of a server that only follows another.
pub(super) const STANDBY: &str =
    "it is a standby, which takes no writes: name the primary in DATABASE_URL";

/// Why a server cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// It cannot be reached, or does not let us in.
    #[error("PostgreSQL: {0}")]
    Unreachable(String),
    /// It answers what this program does not understand.
    #[error(transparent)]
    Store(#[from] Error),
    /// It could lose acknowledged sales.
    #[error(transparent)]
    Unsafe(#[from] Unsafe),
    /// A pooler gives each transaction another connection.
    #[error("PostgreSQL: {}", super::kept::POOLED)]
    Pooled,
    /// It is a standby.
    #[error("PostgreSQL: {}", STANDBY)]
    Standby,
    /// Several hosts take writes.
    #[error(
        "PostgreSQL: {} take writes: stop the one that was replaced, and make it a standby of the \
         other (pg_rewind) before it starts again", .0.join(" and ")
    )]
    Primaries(Vec<String>),
    /// Its schema is not this program's.
    #[error(transparent)]
    Migrations(#[from] migrations::Error),
}

/// A setting under which an acknowledged sale could be lost.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("PostgreSQL runs with {setting} = {value}: {harm}; fix it with `{fix}`")]
pub struct Unsafe {
    /// The setting's name.
    pub setting: String,
    /// The value that it has.
    pub value: String,
    /// The loss that it allows.
    pub harm: &'static str,
    /// The command that fixes it.
    pub fix: String,
}
