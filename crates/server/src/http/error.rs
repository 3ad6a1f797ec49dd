//! Why a request is refused or fails.
//!
//! A handler returns an [`ApiError`]; it travels in the response's extensions to the layer that
//! represents it, which knows the request's path, language and form.

use axum::response::{IntoResponse, Response};
use http::HeaderValue;
use poltrona_domain::{Refusal, SeatTaken};
use poltrona_engine::{ledger, store};
use tracing::{debug, error};
use uuid::Uuid;

use super::code::Code;
use super::rule::Broken;

/// A request is refused, or failed.
#[derive(Clone, Debug)]
pub struct ApiError {
    /// Which error.
    pub code: Code,
    /// Its details.
    pub detail: Detail,
}

/// The details of an error.
#[derive(Clone, Debug)]
pub enum Detail {
    /// Nothing.
    None,
    /// Every rule that the request broke, in the order of its fields.
    Broken(Vec<Broken>),
    /// The seats that stood in the way.
    Taken(Vec<SeatTaken>),
    /// The ids that no seat has.
    Unknown(Vec<Uuid>),
    /// How many seats of a session are held and sold.
    InUse {
        /// Held now.
        held: usize,
        /// Sold.
        sold: usize,
    },
    /// The methods that the path has, as the `Allow` header lists them.
    Allow(HeaderValue),
    /// The parser's message, with the place.
    Parser(String),
}

impl ApiError {
    /// An error without details beyond its code.
    pub const fn new(code: Code) -> Self {
        Self { code, detail: Detail::None }
    }

    /// A request that broke these rules.
    pub const fn broken(rules: Vec<Broken>) -> Self {
        Self { code: Code::ValidationFailed, detail: Detail::Broken(rules) }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = self.code.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::SessionNotFound(_) => Self::new(Code::SessionNotFound),
            Refusal::SessionInUse { held, sold, .. } => {
                Self { code: Code::SessionInUse, detail: Detail::InUse { held, sold } }
            }
            Refusal::SessionChanged(_) => Self::new(Code::PreconditionFailed),
            Refusal::SeatsNotFound(seats) => {
                let seats = seats.iter().map(|seat| *seat.as_uuid()).collect();
                Self { code: Code::SeatNotFound, detail: Detail::Unknown(seats) }
            }
            Refusal::SeatsTaken(seats) => {
                Self { code: taken(&seats), detail: Detail::Taken(seats) }
            }
            Refusal::ReservationNotFound(_) => Self::new(Code::ReservationNotFound),
            Refusal::ReservationConfirmed(_) => Self::new(Code::ReservationConfirmed),
            Refusal::ReservationExpired(_) => Self::new(Code::ReservationExpired),
            Refusal::ReservationCancelled(_) => Self::new(Code::ReservationCancelled),
            // `NotLapsed` refuses only lapses, which no request can send.
            Refusal::ExtensionRefused(_) | Refusal::NotLapsed { .. } => {
                Self::new(Code::ExtensionRefused)
            }
        }
    }
}

fn taken(seats: &[SeatTaken]) -> Code {
    match seats {
        [SeatTaken { retry_at: Some(_), .. }] => Code::SeatHeld,
        [SeatTaken { retry_at: None, .. }] => Code::SeatSold,
        _ => Code::SeatsUnavailable,
    }
}

impl From<ledger::Error> for ApiError {
    fn from(error: ledger::Error) -> Self {
        Self::new(match error {
            ledger::Error::Refused(refusal) => return refusal.into(),
            ledger::Error::KeyMismatch => Code::IdempotencyMismatch,
            ledger::Error::Overloaded => Code::Overloaded,
            ledger::Error::Full => Code::StoreFull,
            ledger::Error::Unavailable => Code::StoreUnavailable,
            ledger::Error::OutcomeUnknown => Code::OutcomeUnknown,
            ledger::Error::InvariantViolation => Code::Internal,
        })
    }
}

impl From<store::Error> for ApiError {
    fn from(error: store::Error) -> Self {
        // The store logs once that it is away, and the log of requests has each that was refused.
        if matches!(error, store::Error::Unavailable(_)) {
            debug!(target: "database", %error, "a query failed");
        } else {
            error!(target: "database", %error, "a query failed");
        }
        Self::new(match error {
            store::Error::Full => Code::StoreFull,
            store::Error::Unavailable(_)
            | store::Error::Raced(_)
            | store::Error::Blocked(_)
            | store::Error::Unknown(_) => Code::StoreUnavailable,
            store::Error::Guard(_) | store::Error::Disk(_) | store::Error::Driver(_) => {
                Code::Internal
            }
        })
    }
}
