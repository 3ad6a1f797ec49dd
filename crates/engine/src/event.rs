//! Events on their way to their followers.
//!
//! An [`EventBatch`] holds what one committed batch did, once as typed events for this process and
//! once as JSON for everyone else. It is encoded when the batch is decided, and read from JSON only
//! by a process that did not make it. The envelope is CloudEvents 1.0; the contents of events are
//! versioned, and every version that was ever released is still read.

mod envelope;
mod event_in;
mod event_batch;

pub use envelope::{SCHEMA, SOURCE};
pub use event_batch::{EventBatch, Unreadable};
pub use event_in::{EventIn, Kind, SeatIn};
