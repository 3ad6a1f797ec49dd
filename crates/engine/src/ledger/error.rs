//! Why a command has no success.

use poltrona_domain::Refusal;

use crate::store;

/// Why a command has no success. Unless said otherwise nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A rule said no.
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
    /// Nobody can say yet whether it was done; the same idempotency key will tell.
    #[error("outcome unknown")]
    OutcomeUnknown,
    /// The store refused what the rules allowed, by a guard or because it makes no sense to it: a bug,
    /// and nothing was sold.
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
