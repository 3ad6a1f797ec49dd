//! Straight to the projections, within the process.

use std::sync::Arc;

use crate::event::EventBatch;
use crate::projection;
use crate::store::background::{Effect, Projection};

/// The effects of messages on every projection. They are added in the transaction that deletes the messages,
/// so that each acts exactly once.
pub(super) fn effects(messages: &[Arc<EventBatch>]) -> Vec<(Projection, Effect)> {
    let of_one = |projection: Projection| {
        let wanted = messages.iter().filter(move |it| projection::concerns(projection, &it.events));
        let effects = projection::effects(projection, wanted.map(|it| &**it));
        effects.into_iter().map(move |effect| (projection, effect))
    };
    Projection::ALL.iter().copied().flat_map(of_one).collect()
}
