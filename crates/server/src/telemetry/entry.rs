//! The content of one line.

use poltrona_domain::Timestamp;
use tracing::Metadata;

/// One event, ready to be written.
pub(super) struct Entry<'a> {
    pub(super) at: Timestamp,
    pub(super) metadata: &'a Metadata<'a>,
    pub(super) message: &'a str,
    /// The event's own fields, then those of the spans around it, the nearest first, then its
    /// trace.
    pub(super) fields: &'a [&'a (&'static str, serde_json::Value)],
}
