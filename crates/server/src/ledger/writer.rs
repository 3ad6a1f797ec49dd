//! The writer's thread: takes what waits, runs it in one transaction, answers.

use poltrona_domain::Timestamp;
use rusqlite::Transaction;
use tokio::time::Instant;
use tracing::{error, warn};

use super::batch::{self, Answers, Decided};
use super::queue::{Queue, Work};
use super::{Error, KEY_TTL, Listeners, Submission, Task};
use crate::store::sqlite::Durability;
use crate::store::{self, sqlite};
use crate::{envelope, ids};

/// Works until the queue is closed and empty, or the disk fails.
pub(super) fn run(writer: sqlite::Writer, queue: &Queue, batch_max: usize, listeners: &Listeners) {
    // However this thread ends before its time, the program must not go on without it.
    let abandon = Abandon(queue);
    let fatal = listeners.fatal.clone().drop_guard();
    let mut thread = Thread { writer, listeners };
    while let Some(mut work) = queue.take(batch_max) {
        let now = Instant::now();
        // Given up by its client or its deadline before it began: undone, and said so.
        let (live, late) = work
            .commands
            .into_iter()
            .filter(|submission| !submission.reply.is_closed())
            .partition(|submission| now < submission.deadline);
        work.commands = live;
        answer_all(late, &Error::Overloaded);
        if let Err(error) = thread.work(work) {
            error!(target: "database", %error, "the disk cannot be trusted; ending so that nothing is lost");
            return;
        }
    }
    if let Err(error) = thread.writer.close() {
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

struct Thread<'a> {
    writer: sqlite::Writer,
    listeners: &'a Listeners,
}

impl Thread<'_> {
    /// Runs the work in one transaction. When a guard refuses it, one command may have spoiled it
    /// for all, so each runs again on its own, once. Fails only when the disk does.
    fn work(&mut self, work: Work) -> Result<(), store::Error> {
        let Work { commands, mut tasks } = work;
        if commands.is_empty() && tasks.is_empty() {
            return Ok(());
        }
        match self.attempt(&commands, &mut tasks) {
            Ok(done) => self.answer(commands, done),
            Err(error @ store::Error::Disk(_)) => return Err(error),
            Err(error @ (store::Error::Guard(_) | store::Error::Driver(_)))
                if commands.len() + tasks.len() > 1 =>
            {
                warn!(target: "database", %error, "a batch was refused; running it one by one");
                for command in commands {
                    self.alone(command)?;
                }
                self.tasks_alone(tasks)?;
                return Ok(());
            }
            Err(error) => {
                self.told(&error);
                answer_all(commands, &answer_to(&error));
                for task in tasks {
                    let _ = task.reply.send(Err(answer_to(&error)));
                }
                return Ok(());
            }
        }
        for task in tasks {
            let _ = task.reply.send(Ok(()));
        }
        self.writer.after_commit()
    }

    fn alone(&mut self, command: Submission) -> Result<(), store::Error> {
        let one = vec![command];
        match self.attempt(&one, &mut []) {
            Ok(done) => self.answer(one, done),
            Err(error @ store::Error::Disk(_)) => return Err(error),
            Err(error) => {
                self.told(&error);
                answer_all(one, &answer_to(&error));
            }
        }
        Ok(())
    }

    fn tasks_alone(&mut self, tasks: Vec<Task>) -> Result<(), store::Error> {
        for mut task in tasks {
            let done = match self.attempt(&[], std::slice::from_mut(&mut task)) {
                Err(error @ store::Error::Disk(_)) => return Err(error),
                Err(error) => Err(answer_to(&error)),
                Ok(_) => Ok(()),
            };
            let _ = task.reply.send(done);
        }
        Ok(())
    }

    /// Lock, load, decide, save, commit. A batch that changes nothing is rolled back: refusals cost
    /// no fsync.
    fn attempt(
        &mut self,
        batch: &[Submission],
        tasks: &mut [Task],
    ) -> Result<(Decided, Timestamp), store::Error> {
        let started = Instant::now();
        // What only the relay and the consumers do need not wait for the disk: until the next
        // command's commit it could be done again.
        let durability = if batch.is_empty() { Durability::Deferred } else { Durability::Synced };
        let tx = self.writer.begin(durability)?;
        let mut facts =
            sqlite::load::facts(&tx, batch.iter().map(|submission| &submission.command))?;
        let now = self.listeners.clock.now();
        let mut answers = load_answers(&tx, batch, &facts, now)?;
        let before = facts.clone();
        let decided = batch::decide_all(batch, &mut facts, &mut answers, now);
        let changed = decided.events().next().is_some();
        if changed {
            sqlite::save::facts(&tx, &before, &facts)?;
            let events = envelope::encode(decided.events(), now, ids::fresh)?;
            sqlite::save::outbox(&tx, ids::fresh(), &events, now)?;
        }
        for answer in &decided.answers {
            sqlite::save::answer(&tx, answer, now)?;
        }
        for task in tasks.iter_mut() {
            (task.run)(&tx)?;
        }
        if changed || !decided.answers.is_empty() || !tasks.is_empty() {
            tx.commit()?;
            if durability == Durability::Synced {
                self.listeners.metrics.committed(batch.len(), started.elapsed());
            }
        } else {
            tx.rollback()?;
        }
        Ok((decided, now))
    }

    /// Tells the world of what is committed now: first those who must act, then those who asked.
    fn answer(&self, commands: Vec<Submission>, (decided, now): (Decided, Timestamp)) {
        let listeners = self.listeners;
        if decided.events().next().is_some() {
            listeners.expiry.note(decided.events());
            listeners.outbox.wake();
        }
        for (submission, reply) in commands.into_iter().zip(decided.replies) {
            listeners.metrics.decided(&submission.command, &reply, now);
            // Nobody may be waiting any more; what is committed stays.
            let _ = submission.reply.send(reply);
        }
    }

    fn told(&self, error: &store::Error) {
        if matches!(error, store::Error::Guard(_)) {
            self.listeners.metrics.guard_held();
        }
        error!(target: "database", %error, "a batch was not saved");
    }
}

fn load_answers(
    tx: &Transaction<'_>,
    batch: &[Submission],
    facts: &poltrona_domain::Facts,
    now: Timestamp,
) -> Result<Answers, store::Error> {
    let ttl = i64::try_from(KEY_TTL.as_millis()).unwrap_or(i64::MAX);
    let since = Timestamp::from_millis(now.as_millis() - ttl);
    let mut answers = Answers::new();
    for submission in batch {
        let Some(key) = &submission.key else { continue };
        let Some(caller) = batch::caller(key, submission, facts) else { continue };
        if let Some(stored) = sqlite::load::answer(tx, &caller, &key.key, since)? {
            answers.insert((caller, key.key.clone()), stored);
        }
    }
    Ok(answers)
}

fn answer_all(commands: Vec<Submission>, error: &Error) {
    for submission in commands {
        let _ = submission.reply.send(Err(error.clone()));
    }
}

fn answer_to(error: &store::Error) -> Error {
    match error {
        store::Error::Full => Error::Full,
        store::Error::Guard(_) => Error::Guarded,
        store::Error::Unavailable(_) | store::Error::Disk(_) | store::Error::Driver(_) => {
            Error::Unavailable
        }
    }
}
