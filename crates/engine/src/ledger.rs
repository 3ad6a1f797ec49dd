//! The ledger: every change of a seat goes through here, many in one transaction.
//!
//! Commands queue. A worker takes whatever waits, loads the rows it is about, lets the rules
//! decide each in order, saves the outcome and commits once for all (natural batching): alone, a
//! command is a batch of one and waits for nobody; under load one fsync serves them all.

mod batch;
mod early;
mod queue;
mod trace;
mod worker;

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::Bytes;
use poltrona_domain::{Command, Event, Refusal};
use tokio::sync::oneshot;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::expiry::Expiry;
use crate::observe::metrics::Metrics;
use crate::relay::News;
use crate::seat_lock::SeatLock;
use crate::store::{self, Chore, Writer, postgres};
use queue::Queue;
use trace::Trace;

/// What the ledger is told about its work, and whom it tells.
pub struct Settings {
    /// How many commands one transaction takes.
    pub batch_max: usize,
    /// How many commands may wait.
    pub queue_depth: usize,
    /// How long a command may wait before it is given up undone.
    pub patience: Duration,
    /// Who refuses early.
    pub seat_lock: SeatLock,
}

/// What learns of every committed batch.
pub struct Listeners {
    /// Counts and times.
    pub metrics: Arc<Metrics>,
    /// Holds that will lapse; nobody, where the bus brings them.
    pub expiry: Option<Arc<Expiry>>,
    /// Tells the relay that the outbox has news.
    pub news: News,
    /// Cancelled when the disk fails and the program must end.
    pub fatal: CancellationToken,
}

/// The way in. Cheap to clone.
#[derive(Clone)]
pub struct Ledger {
    /// One for each worker.
    queues: Arc<[Arc<Queue>]>,
    chores: Arc<Chores>,
    patience: Duration,
    seat_lock: SeatLock,
}

/// Keeps the queues from being taken from while it lives.
#[doc(hidden)]
pub struct Hold(Arc<[Arc<Queue>]>);

/// The workers' threads, to be waited for after [`Ledger::close`].
pub struct Workers(Vec<JoinHandle<()>>);

/// A command on its way.
struct Submission {
    command: Command,
    key: Option<Key>,
    deadline: Instant,
    reply: oneshot::Sender<Reply>,
    trace: Trace,
}

/// Something else that writes, in a transaction of the one writer's, beside the commands.
struct Task {
    chore: Chore,
    reply: oneshot::Sender<Result<usize, Error>>,
}

/// Who writes what is not a command.
pub enum Chores {
    /// The one worker: a file has one writer.
    Worker,
    /// A pool of connections, beside the workers.
    Pool(postgres::Pool),
}

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
    /// The store refused what the rules allowed, by a guard or because it makes no sense to it: a bug,
    /// and nothing was sold.
    #[error("the store refused what the rules allowed")]
    Guarded,
}

/// How long answers to idempotency keys are kept.
pub const KEY_TTL: Duration = Duration::from_hours(24);

impl Ledger {
    /// Starts a worker for each writer.
    pub fn start(
        writers: Vec<Writer>,
        chores: Chores,
        settings: &Settings,
        listeners: Listeners,
    ) -> std::io::Result<(Self, Workers)> {
        let listeners = Arc::new(listeners);
        let depth = settings.queue_depth.div_ceil(writers.len().max(1));
        let queues: Arc<[_]> = writers.iter().map(|_| Arc::new(Queue::new(depth))).collect();
        let start = |(writer, queue): (Writer, &Arc<Queue>)| {
            let (queue, listeners) = (Arc::clone(queue), Arc::clone(&listeners));
            let batch_max = settings.batch_max;
            let thread = std::thread::Builder::new().name("ledger".to_owned());
            thread.spawn(move || worker::run(writer, &queue, batch_max, &listeners))
        };
        let threads = writers.into_iter().zip(&*queues).map(start).collect::<Result<_, _>>()?;
        let (chores, patience) = (Arc::new(chores), settings.patience);
        let seat_lock = settings.seat_lock.clone();
        Ok((Self { queues, chores, patience, seat_lock }, Workers(threads)))
    }

    /// Asks for a change on behalf of a person.
    pub async fn submit(&self, command: Command, key: Option<Key>) -> Reply {
        early::submit(self, command, key).await
    }

    async fn enqueue(&self, command: Command, key: Option<Key>) -> Reply {
        let (reply, outcome) = oneshot::channel();
        let deadline = Instant::now() + self.patience;
        let trace = Trace::begin(&command);
        self.queue(&command).push(Submission { command, key, deadline, reply, trace })?;
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
                let queue = self.queue(&command);
                let (key, trace) = (None, Trace::default());
                queue.push_background(Submission { command, key, deadline: far, reply, trace });
                outcome
            })
            .collect();
        let mut replies = Vec::with_capacity(outcomes.len());
        for outcome in outcomes {
            replies.push(outcome.await.unwrap_or(Err(Error::OutcomeUnknown)));
        }
        replies
    }

    /// Writes something other than a command; says how many rows of its subject it touched.
    pub async fn write(&self, chore: Chore) -> Result<usize, Error> {
        match (&*self.chores, self.queues.first()) {
            (Chores::Pool(pool), _) => pool.run(&chore).await.map_err(|error| answer_to(&error)),
            (Chores::Worker, Some(queue)) => {
                let (reply, done) = oneshot::channel();
                queue.push_task(Task { chore, reply });
                done.await.unwrap_or(Err(Error::OutcomeUnknown))
            }
            (Chores::Worker, None) => Err(Error::Unavailable),
        }
    }

    /// How many commands wait.
    pub fn waiting(&self) -> usize {
        self.queues.iter().map(|queue| queue.len()).sum()
    }

    /// The queue of the worker that a command belongs to: that of its session where it names one, so
    /// that two workers seldom want the same seats; which worker it is, is a hint and not a rule.
    fn queue(&self, command: &Command) -> &Queue {
        let session = command.session().map(|id| *id.as_uuid());
        let id = session.or_else(|| command.reservation().map(|id| *id.as_uuid()));
        let hash = rapidhash::v3::rapidhash_v3(id.unwrap_or_default().as_bytes());
        let count = self.queues.len() as u64;
        let place = usize::try_from(hash % count.max(1)).unwrap_or_default();
        &self.queues[place]
    }

    /// Keeps the workers from taking anything until the guard is dropped, so that all that is asked
    /// meanwhile is decided together: for tests, which have to know where one batch ends and the next
    /// begins.
    #[doc(hidden)]
    pub fn hold(&self) -> Hold {
        self.queues.iter().for_each(|queue| queue.hold(true));
        Hold(Arc::clone(&self.queues))
    }

    /// Takes no more commands; those that wait are still decided.
    pub fn close(&self) {
        self.queues.iter().for_each(|queue| queue.close());
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.0.iter().for_each(|queue| queue.hold(false));
    }
}

impl Workers {
    /// Waits until every worker has answered everything and closed its writer.
    pub async fn join(self) {
        for worker in self.0 {
            // A panic of a worker has been told by the panic hook and has cancelled `fatal`.
            let _ = tokio::task::spawn_blocking(move || worker.join()).await;
        }
    }
}

/// What is said of a fault of the store.
fn answer_to(error: &store::Error) -> Error {
    match error {
        store::Error::Full => Error::Full,
        store::Error::Guard(_) | store::Error::Driver(_) => Error::Guarded,
        store::Error::Blocked(_) => Error::Overloaded,
        store::Error::Unknown(_) => Error::OutcomeUnknown,
        store::Error::Raced(_) | store::Error::Unavailable(_) | store::Error::Disk(_) => {
            Error::Unavailable
        }
    }
}
