//! Time limits of the crowd's requests.

use std::time::Duration;

/// How long an answer may take.
pub(crate) const REQUEST_LIMIT: Duration = Duration::from_secs(10);
/// How long connecting may take.
pub(crate) const CONNECT_LIMIT: Duration = Duration::from_secs(2);
/// The wait before a target that could not be reached is tried again.
pub(crate) const AWAY_PAUSE: Duration = Duration::from_millis(50);
