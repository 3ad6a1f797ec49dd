//! The codes by which clients tell errors apart.

use http::StatusCode;

macro_rules! codes {
    ($($name:ident $text:literal $status:literal),* $(,)?) => {
        /// The machine-readable name of an error. Names are never reused for another meaning; each
        /// has a section in `docs/errors.md`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Code {
            $(#[doc = concat!("`", $text, "`, status ", $status, ".")] $name,)*
        }

        impl Code {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The name as clients see it.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// The HTTP status that goes with it.
            pub const fn status(self) -> StatusCode {
                let status = match self { $(Self::$name => $status,)* };
                match StatusCode::from_u16(status) {
                    Ok(status) => status,
                    Err(_) => StatusCode::INTERNAL_SERVER_ERROR,
                }
            }
        }
    };
}

codes! {
    ValidationFailed "validation_failed" 400,
    InvalidJson "invalid_json" 400,
    UnsupportedMediaType "unsupported_media_type" 400,
    UnsupportedEncoding "unsupported_encoding" 415,
    BodyTooLarge "body_too_large" 413,
    HeadersTooLarge "headers_too_large" 431,
    RequestTimeout "request_timeout" 408,
    MalformedId "malformed_id" 422,
    RouteNotFound "route_not_found" 404,
    MethodNotAllowed "method_not_allowed" 405,
    SessionNotFound "session_not_found" 404,
    SeatNotFound "seat_not_found" 404,
    ReservationNotFound "reservation_not_found" 404,
    SeatHeld "seat_held" 409,
    SeatSold "seat_sold" 409,
    SeatsUnavailable "seats_unavailable" 409,
    ReservationConfirmed "reservation_confirmed" 409,
    ReservationExpired "reservation_expired" 410,
    ReservationCancelled "reservation_cancelled" 410,
    ExtensionRefused "extension_refused" 409,
    SessionInUse "session_in_use" 409,
    PreconditionFailed "precondition_failed" 412,
    IdempotencyMismatch "idempotency_mismatch" 422,
    Overloaded "overloaded" 503,
    OutcomeUnknown "outcome_unknown" 503,
    StoreUnavailable "store_unavailable" 503,
    StoreFull "store_full" 503,
    Internal "internal" 500,
}
