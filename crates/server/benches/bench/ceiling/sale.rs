//! The reservation of a seat, as the ceiling's writers get it.

use std::time::Duration;

use serde::Deserialize;
use tokio::sync::oneshot;
use uuid::Uuid;

/// How long a seat is held.
pub(super) const HOLD: Duration = Duration::from_secs(30);

/// A request, on its way to the writer.
pub(super) struct Sale {
    pub(super) reservation: Uuid,
    pub(super) wish: Wish,
    pub(super) reply: oneshot::Sender<bool>,
}

/// The body of a request.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Wish {
    pub(super) seat_id: Uuid,
    pub(super) user_id: String,
}
