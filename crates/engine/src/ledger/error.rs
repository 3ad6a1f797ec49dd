//! Why a command failed.

use poltrona_domain::Refusal;

use crate::store;

/// Why a command failed. Nothing was changed, unless a variant says otherwise.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A rule refused it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The idempotency key was used for another request.
    #[error("idempotency key used for another request")]
    KeyMismatch,
    /// Too many commands wait; trying again later will help.
    #[error("overloaded")]
    Overloaded,
    /// The disk is full.
    #[error("no space left for the database")]
    Full,
    /// The store cannot be used.
    #[error("the store is unavailable")]
    Unavailable,
    /// Whether it was done is not known yet; a retry with its idempotency key shows that.
    #[error("outcome unknown")]
    OutcomeUnknown,
    /// The store refused what the rules allowed, by a guard or as an invalid statement: a bug, and
    /// nothing was sold.
    #[error("the store refused what the rules allowed")]
    InvariantViolation,
}

impl From<&store::Error> for Error {
    fn from(error: &store::Error) -> Self {
        match error {
            store::Error::Full => Self::Full,
            store::Error::Guard(_) | store::Error::Driver(_) => Self::InvariantViolation,
            store::Error::Blocked(_) => Self::Overloaded,
            store::Error::Unknown(_) => Self::OutcomeUnknown,
            store::Error::Raced(_) | store::Error::Unavailable(_) | store::Error::Disk(_) => {
                Self::Unavailable
            }
        }
    }
}
