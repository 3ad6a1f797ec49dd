//! The ledger: every change of a seat goes through here, many in one transaction.
//!
//! Commands queue. The writer takes whatever waits, loads the rows it is about, lets the rules
//! decide each in order, saves the outcome and commits once for all (natural batching): alone, a
//! command is a batch of one and waits for nobody; under load one fsync serves them all.

mod batch;
mod queue;
mod writer;

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::Bytes;
use poltrona_domain::{Command, Event, Refusal};
use rusqlite::Transaction;
use tokio::sync::oneshot;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::expiry::Expiry;
use crate::metrics::Metrics;
use crate::relay::Wake;
use crate::store::sqlite;
use queue::Queue;

/// What the ledger is told about its work, and whom it tells.
pub struct Settings {
    /// How many commands one transaction takes.
    pub batch_max: usize,
    /// How many commands may wait.
    pub queue_depth: usize,
    /// How long a command may wait before it is given up undone.
    pub patience: Duration,
}

/// What learns of every committed batch.
pub struct Listeners {
    /// Where the time comes from.
    pub clock: Clock,
    /// Counts and times.
    pub metrics: Arc<Metrics>,
    /// Holds that will lapse.
    pub expiry: Arc<Expiry>,
    /// Tells the relay that the outbox has news.
    pub outbox: Wake,
    /// Cancelled when the disk fails and the program must end.
    pub fatal: CancellationToken,
}

/// The way in. Cheap to clone.
#[derive(Clone)]
pub struct Ledger {
    queue: Arc<Queue>,
    patience: Duration,
}

/// The writer's thread, to be waited for after [`Ledger::close`].
pub struct WriterThread(JoinHandle<()>);

/// A command on its way.
pub struct Submission {
    command: Command,
    key: Option<Key>,
    deadline: Instant,
    reply: oneshot::Sender<Reply>,
}

/// Something else that writes: it runs in a transaction of the writer's, beside the commands. It may
/// run again when that transaction fails, so it must not keep what it changed.
pub struct Task {
    run: Box<Run>,
    reply: oneshot::Sender<Result<(), Error>>,
}

type Run = dyn FnMut(&Transaction<'_>) -> rusqlite::Result<()> + Send;

type Reply = Result<Outcome, Error>;

/// An idempotency key, and what makes two requests equal.
#[derive(Clone)]
pub struct Key {
    /// Whose key it is.
    pub caller: Caller,
    /// The key as the client sent it.
    pub key: String,
    /// A hash of the request's method, path and body.
    pub fingerprint: [u8; 32],
    /// Makes the answer that equal requests will get again.
    pub render: fn(&[Event]) -> Answer,
}

/// Whose an idempotency key is: equal keys of different callers have nothing to do with each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caller {
    /// Someone whom the request names.
    Named(String),
    /// The user of the reservation that the command is about.
    OfReservation,
}

/// A success as it was answered: status, `Location` and body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// Where the thing that was made can be found.
    pub location: Option<String>,
    /// The body, JSON.
    pub body: Bytes,
}

/// An answer that was given for a key, and to what.
#[derive(Clone, Debug)]
pub struct StoredAnswer {
    /// The fingerprint of the request.
    pub fingerprint: [u8; 32],
    /// What it was answered.
    pub answer: Answer,
}

/// An answer to be kept, in the transaction of its effect.
pub struct NewAnswer {
    /// Whose key.
    pub caller: String,
    /// The key.
    pub key: String,
    /// What to keep.
    pub stored: StoredAnswer,
}

/// A success.
#[derive(Debug)]
pub enum Outcome {
    /// The command was decided now; its events are committed. None means that nothing had to change.
    Done(Vec<Event>),
    /// An equal request was answered before; this is its answer.
    Replayed(Answer),
}

/// Why a command has no success. Unless said otherwise nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A rule said no.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The idempotency key was used for another request.
    #[error("idempotency key used for another request")]
    KeyMismatch,
    /// Too many commands wait; trying again later will help.
    #[error("overloaded")]
    Overloaded,
    /// The disk is full.
    #[error("no space left for the database")]
    Full,
    /// The store cannot be used.
    #[error("the store is unavailable")]
    Unavailable,
    /// Nobody can say yet whether it was done; the same idempotency key will tell.
    #[error("outcome unknown")]
    OutcomeUnknown,
    /// A guard of the store refused what the rules allowed: a bug, and nothing was sold.
    #[error("an invariant was guarded")]
    Guarded,
}

/// How long answers to idempotency keys are kept.
pub const KEY_TTL: Duration = Duration::from_hours(24);

impl Ledger {
    /// Starts the writer's thread.
    pub fn start(
        writer: sqlite::Writer,
        settings: &Settings,
        listeners: Listeners,
    ) -> std::io::Result<(Self, WriterThread)> {
        let queue = Arc::new(Queue::new(settings.queue_depth));
        let batch_max = settings.batch_max;
        let thread = std::thread::Builder::new().name("ledger".to_owned()).spawn({
            let queue = Arc::clone(&queue);
            move || writer::run(writer, &queue, batch_max, &listeners)
        })?;
        Ok((Self { queue, patience: settings.patience }, WriterThread(thread)))
    }

    /// Asks for a change on behalf of a person.
    pub async fn submit(&self, command: Command, key: Option<Key>) -> Reply {
        let (reply, outcome) = oneshot::channel();
        let deadline = Instant::now() + self.patience;
        self.queue.push(Submission { command, key, deadline, reply })?;
        // The sender is only dropped without an answer when the writer ended in mid-batch.
        outcome.await.unwrap_or(Err(Error::OutcomeUnknown))
    }

    /// Records lapses, after people's commands. Each is answered in the order given.
    pub async fn expire(&self, commands: Vec<Command>) -> Vec<Reply> {
        // A lapse waits as long as it takes: nobody else would record it.
        let far = Instant::now() + Duration::from_hours(24);
        let outcomes: Vec<_> = commands
            .into_iter()
            .map(|command| {
                let (reply, outcome) = oneshot::channel();
                self.queue.push_background(Submission { command, key: None, deadline: far, reply });
                outcome
            })
            .collect();
        let mut replies = Vec::with_capacity(outcomes.len());
        for outcome in outcomes {
            replies.push(outcome.await.unwrap_or(Err(Error::OutcomeUnknown)));
        }
        replies
    }

    /// Writes something other than a command, through the one writer.
    pub async fn write(
        &self,
        run: impl FnMut(&Transaction<'_>) -> rusqlite::Result<()> + Send + 'static,
    ) -> Result<(), Error> {
        let (reply, done) = oneshot::channel();
        self.queue.push_task(Task { run: Box::new(run), reply });
        done.await.unwrap_or(Err(Error::OutcomeUnknown))
    }

    /// How many commands wait.
    pub fn waiting(&self) -> usize {
        self.queue.len()
    }

    /// Takes no more commands; those that wait are still decided.
    pub fn close(&self) {
        self.queue.close();
    }
}

impl WriterThread {
    /// Waits until the writer has answered everything and closed the database.
    pub async fn join(self) {
        // A panic of the writer has been told by the panic hook and has cancelled `fatal`.
        let _ = tokio::task::spawn_blocking(move || self.0.join()).await;
    }
}
