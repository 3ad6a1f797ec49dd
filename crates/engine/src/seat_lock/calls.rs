//! Calls to Redis, one at a time. What comes while one is in flight waits for the next, which
//! carries all of it; there is no timer, and alone an operation waits for nobody.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::operation::{self, FREE_TTL, Operation};
use crate::redis::{Breaker, CallError};

/// How many jobs may wait.
const DEPTH: usize = 4_096;
/// How many jobs a call carries. Each names at most ten seats, twice at most, and the script hands all of them
/// to one command through Lua's stack, for which Redis allows 8,000 values.
const BATCH: usize = 256;

/// The marks in the way of a request, seat by seat; none when it has all its seats, and for others.
type Answer = Result<Vec<Vec<u8>>, CallError>;

/// The way to Redis.
pub(super) struct Calls {
    jobs: mpsc::Sender<Job>,
    pub(super) breaker: Arc<Breaker>,
}

/// The task that calls.
pub(super) struct Calling {
    jobs: mpsc::Receiver<Job>,
    breaker: Arc<Breaker>,
}

/// Operations that one call carries together.
struct Job {
    operations: Vec<Operation>,
    /// When the database decided what they say; `None` when it did not yet.
    decided: Option<Instant>,
    /// Where the answer of the last operation goes.
    answer: oneshot::Sender<Answer>,
}

impl Calls {
    /// The way to Redis, and the task.
    pub(super) fn new(breaker: &Arc<Breaker>) -> (Self, Calling) {
        let (sender, jobs) = mpsc::channel(DEPTH);
        let calling = Calling { jobs, breaker: Arc::clone(breaker) };
        (Self { jobs: sender, breaker: Arc::clone(breaker) }, calling)
    }

    /// How many jobs wait for the next call.
    pub(super) fn waiting(&self) -> usize {
        self.jobs.max_capacity() - self.jobs.capacity()
    }

    /// Asks for seats. When the caller leaves before the call, Redis is not asked.
    pub(super) async fn take(&self, take: Operation) -> Answer {
        let answer = self.send(vec![take], None).ok_or(CallError::NotAsked)?;
        match timeout(self.breaker.limit(), answer).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) | Err(_) => Err(CallError::Failed),
        }
    }

    /// Brings marks in line with what the database decided at `decided`; gives the end of that,
    /// whether or not it succeeds, which costs no more than a question to the database. `None` when
    /// it is not even tried.
    pub(super) fn update(
        &self,
        operations: Vec<Operation>,
        decided: Instant,
    ) -> Option<impl Future<Output = ()> + Send + use<>> {
        let answer = self.send(operations, Some(decided))?;
        Some(async move { drop(answer.await) })
    }

    fn send(
        &self,
        operations: Vec<Operation>,
        decided: Option<Instant>,
    ) -> Option<oneshot::Receiver<Answer>> {
        let (answer, answered) = oneshot::channel();
        if self.breaker.is_open() {
            return None;
        }
        self.jobs.try_send(Job { operations, decided, answer }).ok()?;
        Some(answered)
    }
}

impl Calling {
    /// Calls until stopped.
    pub(super) async fn run(mut self, stop: CancellationToken) {
        let mut jobs = Vec::new();
        while stop.run_until_cancelled(self.jobs.recv_many(&mut jobs, BATCH)).await > Some(0) {
            jobs.retain(Job::is_wanted);
            if !jobs.is_empty() {
                call(&self.breaker, &mut jobs).await;
            }
        }
    }
}

/// Runs jobs in one call. A failure counts for each of them.
async fn call(breaker: &Breaker, jobs: &mut Vec<Job>) {
    let call = operation::call(jobs.iter().flat_map(|job| &job.operations));
    let answers = breaker.call::<Vec<Vec<Vec<u8>>>>(&call, jobs.len()).await;
    let mut answers = answers.map(Vec::into_iter);
    for Job { operations, answer: to, .. } in jobs.drain(..) {
        let answer = match &mut answers {
            Ok(answers) => answers.nth(operations.len().saturating_sub(1)).ok_or(CallError::Failed),
            Err(error) => Err(*error),
        };
        // Its caller may have left.
        let _ = to.send(answer);
    }
}

impl Job {
    /// A request is wanted while it is waited for. Other marks are written soon or not at all: later,
    /// the marks of seats freed since have run out.
    fn is_wanted(&self) -> bool {
        match self.decided {
            Some(decided) => decided.elapsed() < FREE_TTL,
            None => !self.answer.is_closed(),
        }
    }
}
