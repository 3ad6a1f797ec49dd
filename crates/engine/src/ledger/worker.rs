//! A worker's thread: takes what waits, runs it in one transaction, answers.

use poltrona_domain::Timestamp;
use tokio::time::Instant;
use tracing::{error, warn};

use super::batch::{self, Decided};
use super::queue::{Queue, Work};
use super::{Error, Listeners, Submission, Task, answer_to, trace};
use crate::failpoint::Failpoint;
use crate::store::batch::Changes;
use crate::store::query::OutboxRow;
use crate::store::{self, Chore, Writer};
use crate::{envelope, ids};

/// How often a command is put off because what it is about came into being under its eyes.
const PUT_OFF_MAX: usize = 3;

/// Works until the queue is closed and empty, or the disk fails.
pub(super) fn run(writer: Writer, queue: &Queue, batch_max: usize, listeners: &Listeners) {
    // However this thread ends before its time, the program must not go on without it.
    let abandon = Abandon(queue);
    let fatal = listeners.fatal.clone().drop_guard();
    let mut worker = Worker { writer, listeners, away: false };
    while let Some(mut work) = queue.take(batch_max) {
        let now = Instant::now();
        // Given up by its client or its deadline before it began: undone, and said so.
        let (live, late) = work
            .commands
            .into_iter()
            .filter(|submission| !submission.reply.is_closed())
            .partition(|submission| now < submission.deadline);
        work.commands = live;
        trace::taken(&mut work.commands);
        answer_all(late, &Error::Overloaded);
        if let Err(error) = worker.work(work) {
            error!(target: "database", %error, "the disk cannot be trusted; ending so that nothing is lost");
            return;
        }
    }
    if let Err(error) = worker.writer.close() {
        warn!(target: "database", %error, "the log was not folded in; the next start will do it");
    }
    fatal.disarm();
    drop(abandon);
}

/// Answers what still waits when the thread ends, by dropping it.
struct Abandon<'a>(&'a Queue);

impl Drop for Abandon<'_> {
    fn drop(&mut self) {
        self.0.abandon();
    }
}

struct Worker<'a> {
    writer: Writer,
    listeners: &'a Listeners,
    /// Whether the store could not be reached the last time; it is told once.
    away: bool,
}

/// What a transaction came to.
struct Done {
    decided: Decided,
    /// How many rows each chore touched.
    touched: Vec<usize>,
    /// What it left in the outbox, for a relay that wants it brought.
    row: Option<OutboxRow>,
    now: Timestamp,
}

impl Worker<'_> {
    /// Runs the work in one transaction. What spoils it may be one command's alone, so each then runs
    /// again on its own, once. Fails only when the disk does.
    fn work(&mut self, work: Work) -> Result<(), store::Error> {
        let Work { mut commands, mut tasks } = work;
        for _ in 0..=PUT_OFF_MAX {
            if commands.is_empty() && tasks.is_empty() {
                return Ok(());
            }
            let chores: Vec<_> = tasks.iter().map(|task| task.chore.clone()).collect();
            match self.attempt(&commands, &chores, false) {
                Ok(done) => {
                    commands = self.answer(commands, std::mem::take(&mut tasks), done);
                    self.writer.after_commit()?;
                }
                Err(error @ store::Error::Disk(_)) => return Err(error),
                Err(error) if calls_for_one_by_one(&error, commands.len() + tasks.len()) => {
                    warn!(target: "database", %error, "a batch was refused; running it one by one");
                    return self.one_by_one(commands, tasks, &error);
                }
                Err(error) => {
                    self.told(&error);
                    answer_all(commands, &answer_to(&error));
                    refuse_all(tasks, &error);
                    return Ok(());
                }
            }
        }
        answer_all(commands, &Error::Overloaded);
        Ok(())
    }

    fn one_by_one(
        &mut self,
        commands: Vec<Submission>,
        tasks: Vec<Task>,
        because: &store::Error,
    ) -> Result<(), store::Error> {
        // What is blocked has been waited for once, by all of them.
        let hurried = matches!(because, store::Error::Blocked(_));
        let commands = commands.into_iter().map(|command| (vec![command], Vec::new()));
        let tasks = tasks.into_iter().map(|task| (Vec::new(), vec![task]));
        for (command, task) in commands.chain(tasks) {
            let chores: Vec<_> = task.iter().map(|task| task.chore.clone()).collect();
            match self.attempt(&command, &chores, hurried) {
                Ok(done) => {
                    let put_off = self.answer(command, task, done);
                    answer_all(put_off, &Error::Overloaded);
                    self.writer.after_commit()?;
                }
                Err(error @ store::Error::Disk(_)) => return Err(error),
                Err(error) => {
                    self.told(&error);
                    answer_all(command, &answer_to(&error));
                    refuse_all(task, &error);
                }
            }
        }
        Ok(())
    }

    /// Lock, load, decide, save, commit. A batch that changes nothing is rolled back: refusals cost
    /// no fsync.
    fn attempt(
        &mut self,
        batch: &[Submission],
        chores: &[Chore],
        hurried: bool,
    ) -> Result<Done, store::Error> {
        let started = Instant::now();
        let span = trace::transaction(batch);
        let _entered = span.enter();
        let wanted = batch::wanted(batch, hurried);
        let (round_trips, news) = (self.writer.round_trips(), &self.listeners.news);
        let result = self.writer.transact(&wanted, chores, |mut loaded| {
            let before = loaded.facts.clone();
            let mut decided = batch::decide_all(
                batch,
                &mut loaded.facts,
                &mut loaded.answers,
                &loaded.unlocked,
                loaded.now,
            );
            let now = loaded.now;
            let mut events = None;
            if decided.events().next().is_some() {
                let text = envelope::encode(decided.events_of(batch), now, ids::fresh)?;
                events = Some(OutboxRow { id: ids::fresh(), created_at: now, events: text });
            }
            let row = if news.carries() { events.clone() } else { None };
            let answers = std::mem::take(&mut decided.answers);
            let changed = events.is_some() || !answers.is_empty();
            let outcome = Changes { before, after: loaded.facts, events, answers, now };
            Ok((changed.then_some(outcome), (decided, changed, row, now)))
        });
        let metrics = &self.listeners.metrics;
        metrics.round_trips(self.writer.round_trips() - round_trips);
        let ((decided, changed, row, now), touched) =
            result.inspect_err(|error| span.fail(error))?;
        self.away = false;
        if changed {
            Failpoint::Committed.reached();
            metrics.committed(batch.len(), started.elapsed());
        }
        Ok(Done { decided, touched, row, now })
    }

    /// Tells the world of what is committed now: first those who must act, then those who asked.
    /// Gives back the commands that were put off.
    fn answer(&self, commands: Vec<Submission>, tasks: Vec<Task>, done: Done) -> Vec<Submission> {
        let Done { decided, touched, row, now } = done;
        let listeners = self.listeners;
        if decided.events().next().is_some() {
            if let Some(expiry) = &listeners.expiry {
                expiry.note(decided.events());
            }
            listeners.news.tell(row);
        }
        let mut put_off = Vec::new();
        for (submission, reply) in commands.into_iter().zip(decided.replies) {
            let Some(reply) = reply else {
                put_off.push(submission);
                continue;
            };
            listeners.metrics.decided(&submission.command, &reply, now);
            drop(submission.trace);
            // Nobody may be waiting any more; what is committed stays.
            let _ = submission.reply.send(reply);
        }
        for (task, rows) in tasks.into_iter().zip(touched) {
            let _ = task.reply.send(Ok(rows));
        }
        put_off
    }

    fn told(&mut self, error: &store::Error) {
        if matches!(error, store::Error::Guard(_)) {
            self.listeners.metrics.guard_held();
        }
        let away = matches!(error, store::Error::Unavailable(_));
        if std::mem::replace(&mut self.away, away) && away {
            return;
        }
        error!(target: "database", %error, "a batch was not saved");
    }
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

fn answer_all(commands: Vec<Submission>, error: &Error) {
    for submission in commands {
        let _ = submission.reply.send(Err(error.clone()));
    }
}

fn refuse_all(tasks: Vec<Task>, error: &store::Error) {
    for task in tasks {
        let _ = task.reply.send(Err(answer_to(error)));
    }
}
