//! The system's limit on the program's open files and connections.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tracing::warn;

/// Files beside the connections of clients: the database's, the engines', the log's.
const BESIDE: u64 = 256;

/// Raises the limit as far as the system allows: shells set a fraction of that, for programs that
/// rely on small numbers. Warns where fewer than `connections` fit.
pub(crate) fn raise_limit(connections: usize) {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current != maximum {
        // Where it fails, the old limit stands, and the warning below says so.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    }
    let wanted = u64::try_from(connections).unwrap_or(u64::MAX).saturating_add(BESIDE);
    // `None` means no limit.
    if let Some(limit) = getrlimit(Resource::Nofile).current.filter(|limit| *limit < wanted) {
        warn!(
            target: "server", limit, wanted,
            "the system allows fewer open files than max-connections needs: raise it (ulimit -n, \
             LimitNOFILE), or lower max-connections"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_as_high_as_the_system_allows() {
        raise_limit(1);
        let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
        assert_eq!(current, maximum);
    }
}
