//! The way into the ledger, and its workers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use poltrona_domain::{Command, ReservationId};
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use super::error::Error;
use super::feed::Feed;
use super::queue::{Limits, Queue};
use super::submission::{Ask, PendingWrite, Reply, Request, Submission, Waiting};
use super::trace::Trace;
use super::worker::{self, Shared};
use crate::env::{Env, Scheduling};
use crate::live::Stamps;
use crate::observe::metrics::Metrics;
use crate::store::background::BackgroundWrite;
use crate::store::writer::Writer;
use crate::store::{Store, Trouble};

/// How much the ledger takes on.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// How many commands one transaction takes.
    pub batch_max: usize,
    /// How many commands may wait.
    pub queue_depth: usize,
    /// How long a command may wait before it is given up undone.
    pub patience: Duration,
}

/// The parts of a ledger.
pub struct Parts {
    /// Time and ids.
    pub env: Env,
    /// The store.
    pub store: Store,
    /// A writer for each worker.
    pub writers: Vec<Writer>,
    /// The meters.
    pub metrics: Arc<Metrics>,
    /// Where commits are published.
    pub feed: Feed,
    /// The stamps of sessions, where no other program changes them.
    pub stamps: Option<Stamps>,
    /// Cancelled when the disk fails and the program must end.
    pub fatal: CancellationToken,
}

/// The way in. Cheap to clone.
#[derive(Clone)]
pub struct Ledger {
    /// One for each worker.
    queues: Arc<[Arc<Queue>]>,
    store: Store,
    is_full: Arc<AtomicBool>,
}

/// Keeps the queues from being taken from while it lives.
#[doc(hidden)]
pub struct PauseGuard(Arc<[Arc<Queue>]>);

/// The workers, to be waited for after [`Ledger::close`].
pub struct Workers {
    working: Vec<Working>,
    /// Work that they leave to be done beside them.
    tasks: TaskTracker,
    /// While it lives, commands that no worker begins in time are given up.
    giving_up: DropGuard,
}

enum Working {
    OnThread(std::thread::JoinHandle<()>),
    InTask(tokio::task::JoinHandle<()>),
}

impl Ledger {
    /// Starts a worker for each writer. To be called within a runtime.
    pub fn start(parts: Parts, settings: Settings) -> std::io::Result<(Self, Workers)> {
        let Parts { env, store, writers, metrics, feed, stamps, fatal } = parts;
        let Settings { batch_max, patience, queue_depth } = settings;
        let limits =
            Limits { depth: queue_depth.div_ceil(writers.len().max(1)), batch_max, patience };
        let queues: Arc<[_]> = writers.iter().map(|_| Arc::new(Queue::new(limits))).collect();
        let (ids, runtime, tasks) = (env.ids, Handle::current(), TaskTracker::new());
        let is_full = Arc::<AtomicBool>::default();
        let shared = Arc::new(Shared {
            ids,
            metrics,
            feed,
            stamps,
            fatal,
            is_full: Arc::clone(&is_full),
            tasks: tasks.clone(),
            runtime,
        });
        let start = |(writer, queue): (Writer, &Arc<Queue>)| {
            let work = worker::run(writer, Arc::clone(queue), Arc::clone(&shared));
            match env.scheduling {
                Scheduling::Threads => on_thread(work, store.is_shared()).map(Working::OnThread),
                Scheduling::SingleThread => Ok(Working::InTask(tasks.spawn(work))),
            }
        };
        let working = writers.into_iter().zip(&*queues).map(start).collect::<Result<_, _>>()?;
        let ended = CancellationToken::new();
        for queue in &*queues {
            let (queue, ended) = (Arc::clone(queue), ended.clone());
            tasks.spawn(async move { ended.run_until_cancelled(queue.give_up_overdue()).await });
        }
        let giving_up = ended.drop_guard();
        Ok((Self { queues, store, is_full }, Workers { working, tasks, giving_up }))
    }

    /// Fails unless a command would be taken now.
    pub fn has_room(&self, command: &Command) -> Result<(), Error> {
        self.queue(command).has_room(command)
    }

    /// Asks for a change.
    pub async fn submit(&self, request: Request) -> Reply {
        // Of a COMMIT that is not answered, only its own worker knows how long that lasts.
        if matches!(self.store.trouble(), Some(Trouble::Silent | Trouble::SeveralPrimaries)) {
            return Err(Error::Unavailable);
        }
        let queue = self.queue(&request.command);
        queue.has_room(&request.command)?;
        let (reply, outcome) = oneshot::channel();
        let since = Instant::now();
        let trace = Trace::begin(&request.command);
        let waiting = Waiting { since, reply };
        queue.push(Submission { ask: Ask { request, trace }, waiting })?;
        // A command that waits is always answered. One that a worker has taken is not, if the worker ends before its commit.
        outcome.await.unwrap_or(Err(Error::OutcomeUnknown))
    }

    /// Records lapses, after people's commands. Each is answered in the order given.
    pub async fn expire(&self, lapsed: &[ReservationId]) -> Vec<Reply> {
        // A lapse waits as long as it takes: nobody else would record it.
        let since = Instant::now();
        let push = |reservation: &ReservationId| {
            let request = Request::of_program(Command::Expire { reservation: *reservation });
            let (reply, outcome) = oneshot::channel();
            let queue = self.queue(&request.command);
            let ask = Ask { request, trace: Trace::default() };
            let waiting = Waiting { since, reply };
            queue.push_background(Submission { ask, waiting });
            outcome
        };
        let outcomes: Vec<_> = lapsed.iter().map(push).collect();
        let mut replies = Vec::with_capacity(outcomes.len());
        for outcome in outcomes {
            replies.push(outcome.await.unwrap_or(Err(Error::OutcomeUnknown)));
        }
        replies
    }

    /// Writes something other than a command; gives the number of rows of its subject that it touched.
    pub async fn write(&self, write: BackgroundWrite) -> Result<usize, Error> {
        if let Some(written) = self.store.write(&write).await {
            return written.map_err(|error| Error::from(&error));
        }
        let Some(queue) = self.queues.first() else { return Err(Error::Unavailable) };
        let (reply, done) = oneshot::channel();
        queue.push_write(PendingWrite { write, reply });
        done.await.unwrap_or(Err(Error::OutcomeUnknown))
    }

    /// Whether the last write failed because the disk is full.
    pub fn is_full(&self) -> bool {
        self.is_full.load(Ordering::Relaxed)
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
    pub fn pause(&self) -> PauseGuard {
        self.queues.iter().for_each(|queue| queue.pause(true));
        PauseGuard(Arc::clone(&self.queues))
    }

    /// Takes no more commands; those that wait are still decided.
    pub fn close(&self) {
        self.queues.iter().for_each(|queue| queue.close());
    }
}

/// Runs a worker on a thread and a runtime of its own, so that a batch never changes threads, and a
/// file's writer may block.
fn on_thread(
    work: impl Future<Output = ()> + Send + 'static,
    uses_network: bool,
) -> std::io::Result<std::thread::JoinHandle<()>> {
    let mut runtime = Builder::new_current_thread();
    if uses_network {
        runtime.enable_all();
    }
    let runtime = runtime.build()?;
    let thread = std::thread::Builder::new().name("ledger".to_owned());
    thread.spawn(move || runtime.block_on(work))
}

impl Drop for PauseGuard {
    fn drop(&mut self) {
        self.0.iter().for_each(|queue| queue.pause(false));
    }
}

impl Workers {
    /// Waits until every worker has answered everything and closed its writer.
    pub async fn join(self) {
        for worker in self.working {
            // A panic of a worker is logged by the panic hook and has cancelled `fatal`.
            match worker {
                Working::OnThread(thread) => {
                    let _ = tokio::task::spawn_blocking(move || thread.join()).await;
                }
                Working::InTask(task) => drop(task.await),
            }
        }
        drop(self.giving_up);
        self.tasks.close();
        self.tasks.wait().await;
    }
}
