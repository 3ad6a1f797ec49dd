//! A worker: takes what waits, runs it in one transaction, answers, and publishes the commit.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use poltrona_domain::{Command, Event, Timestamp};
use tokio::runtime::Handle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{error, warn};

use super::batch::{self, Decided};
use super::error::Error;
use super::feed::{Commit, Feed};
use super::patience::{self, Audience};
use super::queue::{Queue, Work};
use super::submission::{Ask, Outcome, PendingWrite, Reply, Submission, give_up};
use super::trace;
use crate::env::ids::Ids;
use crate::event::EventBatch;
use crate::failpoint::Failpoint;
use crate::live::Stamps;
use crate::observe::metrics::{CommandOutcome, Metrics};
use crate::store;
use crate::store::background::BackgroundWrite;
use crate::store::batch::{BatchReads, BatchWrites, Loaded};
use crate::store::writer::Writer;

/// How often a command is deferred because what it is about came into being under its eyes.
const DEFERRED_MAX: usize = 3;

/// State that the workers of a ledger share.
pub(super) struct Shared {
    pub(super) ids: Ids,
    pub(super) metrics: Arc<Metrics>,
    pub(super) feed: Feed,
    /// The stamps of sessions, where no other program changes them.
    pub(super) stamps: Option<Stamps>,
    /// Cancelled when the disk fails and the program must end.
    pub(super) fatal: CancellationToken,
    /// Whether the last write failed because the disk is full.
    pub(super) is_full: Arc<AtomicBool>,
    /// Where answers wait for what the feed's hook has them wait for.
    pub(super) tasks: TaskTracker,
    pub(super) runtime: Handle,
}

/// Works until the queue is closed and empty, or the disk fails.
pub(super) async fn run(writer: Writer, queue: Arc<Queue>, shared: Arc<Shared>) {
    // However this ends before its time, the program must not go on without it.
    let abandon = Abandon(&queue);
    let fatal = shared.fatal.clone().drop_guard();
    let audience = Audience::default();
    let mut worker = Worker { writer, shared: &shared, away: false, audience };
    while let Some(Work { commands, late, writes }) = queue.take().await {
        give_up(late, &Error::Overloaded);
        let commands = begin(commands);
        if let Err(error) = worker.work(commands, writes).await {
            error!(target: "database", %error, "the disk cannot be trusted; ending so that nothing is lost");
            return;
        }
        queue.answered(std::mem::take(&mut worker.audience));
    }
    if let Err(error) = worker.writer.close() {
        warn!(target: "database", %error, "the log was not folded in; the next start will do it");
    }
    fatal.disarm();
    drop(abandon);
}

/// Closes the queue when the worker ends, which answers everything that still waits.
struct Abandon<'a>(&'a Queue);

impl Drop for Abandon<'_> {
    fn drop(&mut self) {
        self.0.abandon();
    }
}

/// Marks the beginning of a batch in the trace of each of its commands.
fn begin(mut commands: Vec<Submission>) -> Vec<Submission> {
    let size = commands.len();
    for submission in &mut commands {
        let Ask { request, trace } = &mut submission.ask;
        trace.taken(&request.command, size);
    }
    commands
}

struct Worker<'a> {
    writer: Writer,
    shared: &'a Shared,
    /// Whether the store could not be reached the last time; that is logged once.
    away: bool,
    /// Whether callers who had waited long were still there for their answers.
    audience: Audience,
}

/// The outcome of a transaction.
struct Transacted {
    decided: Decided,
    /// How many rows each background write touched.
    touched: Vec<usize>,
    /// The batch of events that the outbox now has, if anything happened.
    outbox: Option<Arc<EventBatch>>,
    /// Whether it was committed; what changes nothing is rolled back.
    is_committed: bool,
    now: Timestamp,
    started: Instant,
}

impl Worker<'_> {
    /// Runs the work in one transaction. What spoils it may be one command's alone, so each then runs
    /// again on its own, once. Fails only when the disk does.
    async fn work(
        &mut self,
        mut commands: Vec<Submission>,
        mut writes: Vec<PendingWrite>,
    ) -> Result<(), store::Error> {
        for _ in 0..=DEFERRED_MAX {
            if commands.is_empty() && writes.is_empty() {
                return Ok(());
            }
            let parts = commands.len() + writes.len();
            match self.attempt(commands, writes, false).await? {
                Ok(deferred) => (commands, writes) = (deferred, Vec::new()),
                Err(Failed { error, commands, writes }) if calls_for_one_by_one(&error, parts) => {
                    warn!(target: "database", %error, "a batch was refused; running it one by one");
                    return self.one_by_one(commands, writes, &error).await;
                }
                Err(failed) => {
                    self.refuse(failed);
                    return Ok(());
                }
            }
        }
        give_up(commands, &Error::Overloaded);
        Ok(())
    }

    async fn one_by_one(
        &mut self,
        commands: Vec<Submission>,
        writes: Vec<PendingWrite>,
        because: &store::Error,
    ) -> Result<(), store::Error> {
        // All of them have waited once for the rows that are blocked.
        let short_lock_timeout = matches!(because, store::Error::Blocked(_));
        let commands = commands.into_iter().map(|command| (vec![command], Vec::new()));
        let writes = writes.into_iter().map(|write| (Vec::new(), vec![write]));
        for (command, write) in commands.chain(writes) {
            match self.attempt(command, write, short_lock_timeout).await? {
                Ok(deferred) => give_up(deferred, &Error::Overloaded),
                Err(failed) => self.refuse(failed),
            }
        }
        Ok(())
    }

    /// One transaction and its answers; gives back the commands that were deferred. Fails only when the
    /// disk does.
    async fn attempt(
        &mut self,
        commands: Vec<Submission>,
        writes: Vec<PendingWrite>,
        short_lock_timeout: bool,
    ) -> Result<Result<Vec<Submission>, Failed>, store::Error> {
        let (asks, waiting): (Vec<_>, Vec<_>) =
            commands.into_iter().map(|it| (it.ask, it.waiting)).unzip();
        let background: Vec<_> = writes.iter().map(|it| it.write.clone()).collect();
        let transacted = self.transact(&asks, &background, short_lock_timeout).await;
        let commands = asks.into_iter().zip(waiting);
        let commands = commands.map(|(ask, waiting)| Submission { ask, waiting }).collect();
        match transacted {
            Ok(transacted) => {
                let deferred = self.answer(commands, writes, transacted);
                self.writer.after_commit()?;
                Ok(Ok(deferred))
            }
            Err(error @ store::Error::Disk(_)) => Err(error),
            Err(error) => Ok(Err(Failed { error, commands, writes })),
        }
    }

    /// Lock, load, decide, save, commit. A batch that changes nothing is rolled back: refusals cost
    /// no fsync.
    async fn transact(
        &mut self,
        asks: &[Ask],
        background: &[BackgroundWrite],
        short_lock_timeout: bool,
    ) -> Result<Transacted, store::Error> {
        let started = Instant::now();
        let span = trace::transaction(asks.iter().map(|ask| &ask.trace));
        let reads = BatchReads { short_lock_timeout, ..batch::reads(asks) };
        let (ids, round_trips) = (&self.shared.ids, self.writer.round_trips());
        // However the transaction ends, the changes are under way until it has.
        let mut changing = None;
        let transacting = self.writer.transact(&reads, background, |loaded| {
            let (writes, done) = decide(asks, loaded, ids)?;
            let sessions = done.0.events.iter().filter_map(Event::session);
            changing = self.shared.stamps.as_ref().map(|stamps| stamps.changing(sessions));
            Ok((writes, done))
        });
        let result = span.around(transacting).await;
        drop(changing);
        self.shared.metrics.round_trips(self.writer.round_trips() - round_trips);
        let ((decided, outbox, now, is_committed), touched) =
            result.inspect_err(|error| span.fail(error))?;
        self.away = false;
        if is_committed {
            self.shared.is_full.store(false, Ordering::Relaxed);
        }
        Ok(Transacted { decided, touched, outbox, is_committed, now, started })
    }

    /// Answers everyone, first what must be so before: then publishes the commit. Gives back the
    /// commands that were deferred.
    fn answer(
        &mut self,
        commands: Vec<Submission>,
        writes: Vec<PendingWrite>,
        transacted: Transacted,
    ) -> Vec<Submission> {
        let Transacted { decided, touched, outbox, is_committed, now, started } = transacted;
        let Decided { events, decisions, .. } = decided;
        let commit = is_committed.then(|| {
            Failpoint::Committed.reached();
            let (committed, commands) = (Instant::now(), commands.len());
            let took = committed - started;
            Arc::new(Commit { at: now, events, outbox, commands, took, committed })
        });
        let first = commit.as_ref().and_then(|commit| self.shared.feed.before_answer(commit));
        let (mut deferred, mut held) = (Vec::new(), Vec::new());
        for (submission, decision) in commands.into_iter().zip(decisions) {
            let Some(decision) = decision else {
                deferred.push(submission);
                continue;
            };
            let waited_long = waited_long(&submission, started);
            let reply = decision.reply(commit.as_ref());
            self.shared.metrics.answered(submission.command(), outcome_of(&reply));
            let answer = submission.decided(reply);
            if first.is_some() && answer.frees_seats() {
                held.push(answer);
            } else {
                let is_reached = answer.send();
                self.audience.reached += usize::from(waited_long && is_reached);
                self.audience.left += usize::from(waited_long && !is_reached);
            }
        }
        if let Some(first) = first {
            let answering = async {
                first.await;
                for answer in held {
                    let _ = answer.send();
                }
            };
            self.shared.tasks.spawn_on(answering, &self.shared.runtime);
        }
        for (write, rows) in writes.into_iter().zip(touched) {
            let _ = write.reply.send(Ok(rows));
        }
        if let Some(commit) = commit {
            self.shared.feed.publish(commit);
        }
        deferred
    }

    /// Answers everyone that the store failed.
    fn refuse(&mut self, failed: Failed) {
        let Failed { error, commands, writes } = failed;
        self.log_failure(&error);
        let answer = Error::from(&error);
        give_up(commands, &answer);
        for write in writes {
            let _ = write.reply.send(Err(answer.clone()));
        }
    }

    fn log_failure(&mut self, error: &store::Error) {
        match error {
            store::Error::Guard(_) => self.shared.metrics.guard_held(),
            store::Error::Full => self.shared.is_full.store(true, Ordering::Relaxed),
            _ => {}
        }
        let away = matches!(error, store::Error::Unavailable(_));
        if std::mem::replace(&mut self.away, away) && away {
            return;
        }
        error!(target: "database", %error, "a batch was not saved");
    }
}

/// Whether a caller had waited so long that it counts whether he is still there.
fn waited_long(submission: &Submission, started: Instant) -> bool {
    let is_lapse = matches!(submission.command(), Command::Expire { .. });
    !is_lapse && started.duration_since(submission.waiting.since) >= patience::LEAST
}

/// Work that was not saved, and why.
struct Failed {
    error: store::Error,
    commands: Vec<Submission>,
    writes: Vec<PendingWrite>,
}

type Deciding = (Decided, Option<Arc<EventBatch>>, Timestamp, bool);

/// Decides a batch, encodes what happened, and says what is to be written.
fn decide(
    asks: &[Ask],
    mut loaded: Loaded,
    ids: &Ids,
) -> Result<(Option<BatchWrites>, Deciding), store::Error> {
    let (before, now) = (loaded.facts.clone(), loaded.now);
    let mut decided = batch::decide_all(asks, &mut loaded);
    let mut events = None;
    if !decided.events.is_empty() {
        let encoded = EventBatch::encode(decided.traced_events(asks), now, || ids.fresh())?;
        events = Some(Arc::new(encoded));
    }
    let answers = std::mem::take(&mut decided.answers);
    let is_changed = events.is_some() || !answers.is_empty();
    let outbox = events.clone();
    let writes = BatchWrites { before, after: loaded.facts, events, answers, now };
    Ok((is_changed.then_some(writes), (decided, outbox, now, is_changed)))
}

/// Whether a batch of so many parts may do better in parts. What raced is worth another try even
/// alone, for it will now see what it raced with.
const fn calls_for_one_by_one(error: &store::Error, parts: usize) -> bool {
    match error {
        store::Error::Raced(_) => true,
        store::Error::Guard(_) | store::Error::Driver(_) | store::Error::Blocked(_) => parts > 1,
        _ => false,
    }
}

const fn outcome_of(reply: &Reply) -> CommandOutcome {
    match reply {
        Ok(Outcome::Done(_)) => CommandOutcome::Done,
        Ok(Outcome::Replayed(_)) => CommandOutcome::Replayed,
        Err(Error::Refused(_)) => CommandOutcome::Refused,
        Err(Error::KeyMismatch) => CommandOutcome::KeyMismatch,
        Err(_) => CommandOutcome::Failed,
    }
}
