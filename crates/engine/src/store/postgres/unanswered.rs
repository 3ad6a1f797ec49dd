//! COMMITs that the server has not answered in time.
//!
//! A server whose synchronous standbys are gone keeps a COMMIT waiting until one is back. Its connection
//! is kept as long: closed, it would leave a backend on the server that waits for nobody, and the next try
//! one more. Nor is the wait cancelled, for that ends in a commit that no standby has:
//! <https://www.postgresql.org/docs/current/warm-standby.html#SYNCHRONOUS-REPLICATION-HA>.

use futures_util::future::BoxFuture;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tracing::{info, warn};

use super::session::Session;
use super::silence::Silence;
use super::state::Commits;
use crate::store::error::Error;

/// A batch that is written and committed, and the connection that does it.
pub(super) type Saving = BoxFuture<'static, (Session, Result<(), Error>)>;

/// A COMMIT that is not answered yet, and the connection that it was sent on.
pub(super) struct Unanswered {
    waiting: JoinHandle<Option<Session>>,
    since: Instant,
}

impl Unanswered {
    /// Goes on waiting, on the current runtime.
    pub(super) fn wait_for(saving: Saving, commits: &Commits) -> Self {
        warn!(
            target: "database",
            "PostgreSQL does not answer a COMMIT: nothing is sold until it does. Are its synchronous \
             standbys there (pg_stat_replication)?"
        );
        let waiting = commits.wait();
        #[expect(
            clippy::disallowed_methods,
            reason = "it ends with the connection, or with the runtime of the worker that it belongs to"
        )]
        let waiting = tokio::spawn(async move {
            let (session, saved) = saving.await;
            drop(waiting);
            info!(target: "database", "PostgreSQL has answered the COMMIT that was late");
            saved.is_ok().then_some(session)
        });
        Self { waiting, since: Instant::now() }
    }

    /// The connection, if it can be used again; fails while there is no answer.
    pub(super) async fn answer(&mut self, silence: &Silence) -> Result<Option<Session>, Error> {
        if !self.waiting.is_finished() {
            if silence.outdates(self.since) {
                // Its server is silent, or another has taken its place: no answer has to be expected.
                self.waiting.abort();
                return Ok(None);
            }
            return Err(Error::Unavailable("it has not answered the last COMMIT".to_owned()));
        }
        // Whether that was committed is in the database; its callers have been answered.
        Ok((&mut self.waiting).await.ok().flatten())
    }
}
