//! One call of a handler: what it reaches beside the request.

use std::ops::Range;

use axum::extract::FromRef;

use super::state::SharedApp;

/// One call of a handler.
#[derive(Clone)]
pub(super) struct Call {
    /// The state of the program.
    pub(super) app: SharedApp,
    /// Where in the path its variable segment is, as it was sent.
    pub(super) segment: Range<usize>,
}

impl FromRef<Call> for SharedApp {
    fn from_ref(call: &Call) -> Self {
        Self::clone(&call.app)
    }
}
