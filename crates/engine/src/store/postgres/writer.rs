//! The connection that a worker of the ledger writes with.

use std::time::Duration;

use tokio::time::{Instant, timeout};
use tokio_postgres::error::SqlState;
use tracing::{info, warn};

use super::load::{self, Found};
use super::session::{OpenFault, Session};
use super::silence::Leave;
use super::state::ServerState;
use super::target::Target;
use super::unanswered::{Saving, Unanswered};
use super::{fault, save};
use crate::env::clock::Clock;
use crate::failpoint;
use crate::store::batch::{BatchReads, BatchWrites, Loaded};
use crate::store::error::Error;

/// How long a flush may take; more than every limit that the server itself keeps.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(8);
/// How long a server that could not be reached is left alone. Meanwhile every batch is refused at
/// once.
const LEFT_ALONE: Duration = Duration::from_millis(250);

/// A connection, opened again after a fault. It belongs to one worker, whose runtime drives it.
pub struct Writer {
    target: Target,
    clock: Clock,
    session: Option<Session>,
    /// The last COMMIT, when it was not answered in time.
    unanswered: Option<Unanswered>,
    /// When to try again to reach a server that could not be reached.
    try_again: Option<Instant>,
    round_trips: u64,
}

impl Writer {
    pub(super) fn new(target: &Target, clock: Clock) -> Self {
        let target = target.clone();
        Self { target, clock, session: None, unanswered: None, try_again: None, round_trips: 0 }
    }

    /// How often the server was waited for.
    pub(in crate::store) const fn round_trips(&self) -> u64 {
        self.round_trips
    }

    /// See [`crate::store::writer::Writer::transact`].
    pub(in crate::store) async fn transact<T>(
        &mut self,
        reads: &BatchReads<'_>,
        decide: impl FnOnce(Loaded) -> Result<(Option<BatchWrites>, T), Error>,
    ) -> Result<T, Error> {
        let ServerState { silence, commits, .. } = self.target.state.clone();
        if let Some(unanswered) = &mut self.unanswered {
            self.session = unanswered.answer(&silence).await?;
            self.unanswered = None;
        }
        let leave = silence.leave()?;
        // A connection whose batch did not end cleanly is closed, never used again; so it is only put
        // back at the end.
        let (session, mut found) = self.begin(reads, &leave).await?;
        leave.answered();
        let now = self.clock.sync_to_server(found.server_time);
        let (answers, deferred) = (found.answers_at(now), reads.deferred(&found.facts));
        let (writes, done) = decide(Loaded { facts: found.facts, answers, now, deferred })?;
        self.round_trips += 1;
        let Some(writes) = writes else {
            let rollback = async { Ok(session.client.batch_execute("ROLLBACK").await?) };
            in_time(rollback, &leave).await?;
            self.session = Some(session);
            return Ok(done);
        };
        failpoint::before_durable_commit();
        let mut saving = save(session, writes);
        // It is no silence: reads may be answered meanwhile.
        let Ok((session, saved)) = timeout(FLUSH_TIMEOUT, &mut saving).await else {
            self.unanswered = Some(Unanswered::wait_for(saving, &commits));
            return Err(Error::Unknown("no answer in time".to_owned()));
        };
        saved?;
        self.session = Some(session);
        Ok(done)
    }

    /// Locks and loads. A connection that rested may have been closed meanwhile, which shows only when
    /// it is used: nothing was done then, and a new one is as good.
    async fn begin(
        &mut self,
        reads: &BatchReads<'_>,
        leave: &Leave<'_>,
    ) -> Result<(Session, Found), Error> {
        let silence = &self.target.state.silence;
        let session = self.session.take().filter(|it| !silence.outdates(it.opened));
        if let Some(mut session) = session {
            match self.load(&mut session, reads, leave).await {
                Err(_) if session.client.is_closed() => {}
                other => return other.map(|found| (session, found)),
            }
        }
        let mut session = self.open().await?;
        let found = self.load(&mut session, reads, leave).await?;
        Ok((session, found))
    }

    async fn load(
        &mut self,
        session: &mut Session,
        reads: &BatchReads<'_>,
        leave: &Leave<'_>,
    ) -> Result<Found, Error> {
        self.round_trips += 1;
        let anew = session.begins_anew();
        let Session { client, statements, .. } = session;
        in_time(Box::pin(load::run(client, statements, reads, anew)), leave).await
    }

    async fn open(&mut self) -> Result<Session, Error> {
        let now = Instant::now();
        if self.try_again.is_some_and(|at| now < at) {
            return Err(Error::Unavailable("it could not be reached a moment ago".to_owned()));
        }
        self.round_trips += 2;
        let opened = timeout(self.target.connect_timeout(), Session::open(&self.target)).await;
        let error = match opened {
            Ok(Ok(session)) => {
                if self.try_again.take().is_some() {
                    info!(target: "database", "PostgreSQL can be reached again");
                }
                return Ok(session);
            }
            // It can be reached, and somebody has locked a table.
            Ok(Err(OpenFault::Server(error)))
                if error.code() == Some(&SqlState::LOCK_NOT_AVAILABLE) =>
            {
                return Err(fault::of(&error));
            }
            Ok(Err(OpenFault::Server(error))) => fault::words(&error),
            Ok(Err(OpenFault::Kept(error))) => error.to_string(),
            Err(_) => "no answer in time".to_owned(),
        };
        if self.try_again.is_none() {
            warn!(target: "database", error, "PostgreSQL cannot be reached");
        }
        self.try_again = Some(now + LEFT_ALONE);
        Err(Error::Unavailable(error))
    }
}

/// Writes a batch and commits it, and gives the connection back.
fn save(mut session: Session, writes: BatchWrites) -> Saving {
    Box::pin(async move {
        let saved = save::run(&session.client, &mut session.saving, &writes).await;
        (session, saved)
    })
}

async fn in_time<T>(
    work: impl Future<Output = Result<T, Error>>,
    leave: &Leave<'_>,
) -> Result<T, Error> {
    let done = timeout(FLUSH_TIMEOUT, work).await;
    done.unwrap_or_else(|_| {
        leave.not_answered();
        Err(Error::Unavailable("no answer in time".to_owned()))
    })
}
