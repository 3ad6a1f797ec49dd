//! The newest timeline that a server showed.
//!
//! A standby that is promoted begins a new timeline. A server on an older one is a primary that was
//! replaced and has come back: it could sell what the other has sold.
//! <https://www.postgresql.org/docs/current/continuous-archiving.html#BACKUP-TIMELINES>

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::store::error::Error;

/// The name of the log file that a server writes to, which begins with its timeline; empty on a standby.
pub(super) const LOG_FILE: &str =
    "CASE WHEN pg_is_in_recovery() THEN '' ELSE pg_walfile_name(pg_current_wal_lsn()) END";

/// The timeline of a server that writes to this log file; `None` for a standby.
pub(super) fn of(log_file: &str) -> Option<u32> {
    log_file.get(..8).and_then(|hex| u32::from_str_radix(hex, 16).ok())
}

/// The newest timeline that was seen since the start. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Timeline(Arc<AtomicU32>);

impl Timeline {
    /// A server writes to this log file; fails when a server on a newer timeline was seen before.
    pub(super) fn saw(&self, log_file: &str) -> Result<(), Error> {
        // A standby cannot sell anything, and says so itself.
        let Some(timeline) = of(log_file) else { return Ok(()) };
        let newest = self.0.fetch_max(timeline, Ordering::Relaxed);
        if timeline < newest {
            return Err(Error::Unavailable(format!(
                "it is on timeline {timeline}, and another server was promoted to timeline {newest}: \
                 stop it, and make it a standby of the other (pg_rewind) before it starts again"
            )));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_lines_never_go_back() {
        let timeline = Timeline::default();
        for file in ["000000010000000000000003", "", "000000010000000000000004"] {
            assert!(timeline.saw(file).is_ok(), "{file}");
        }
        assert!(timeline.saw("0000000A0000000000000005").is_ok());
        let error = timeline.saw("000000020000000000000005").unwrap_err().to_string();
        assert!(error.contains("timeline 2") && error.contains("timeline 10"), "{error}");
        assert!(timeline.saw("").is_ok() && timeline.saw("0000000B0000000000000005").is_ok());
    }
}
