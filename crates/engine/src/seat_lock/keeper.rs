//! What need not be waited for: marks that are brought up to date after the database has answered.
//!
//! One task, one queue, many marks in one round trip. What does not fit, or comes too late, is
//! dropped: that costs a question to the database, and nothing else.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use poltrona_domain::SeatId;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::breaker::Breaker;
use super::known::Known;
use super::scripts::{Ask, FREE_TTL};

/// How much may wait.
const DEPTH: usize = 4_096;
/// How much is sent before the answers are waited for.
const LOT: usize = 256;

/// The way to the task.
pub(super) struct Keeper {
    jobs: mpsc::Sender<Job>,
    known: Arc<Known>,
}

/// The task.
pub(super) struct Keeping {
    jobs: mpsc::Receiver<Job>,
    known: Arc<Known>,
    breaker: Arc<Breaker>,
}

/// Something to be done, after all that was asked for before it.
struct Job {
    ask: Ask,
    seats: Vec<SeatId>,
    since: Instant,
    done: oneshot::Sender<()>,
}

/// Something that will be done or dropped. Nobody has to wait for it.
#[derive(Default)]
pub struct Pending {
    jobs: Vec<oneshot::Receiver<()>>,
    limit: Duration,
}

impl Keeper {
    /// A way, and the task to be run at its end.
    pub(super) fn new(known: Arc<Known>, breaker: Arc<Breaker>) -> (Self, Keeping) {
        let (sender, jobs) = mpsc::channel(DEPTH);
        (Self { jobs: sender, known: Arc::clone(&known) }, Keeping { jobs, known, breaker })
    }

    /// Has marks of these seats changed.
    pub(super) fn ask(&self, ask: Ask, seats: Vec<SeatId>) -> oneshot::Receiver<()> {
        let (done, told) = oneshot::channel();
        let job = Job { ask, seats, since: Instant::now(), done };
        if let Err(full) = self.jobs.try_send(job) {
            self.known.doubt(&full.into_inner().seats);
        }
        told
    }
}

impl Keeping {
    /// Does what comes, until stopped.
    pub(super) async fn run(mut self, stop: CancellationToken) {
        let mut lot = Vec::new();
        while stop.run_until_cancelled(self.jobs.recv_many(&mut lot, LOT)).await > Some(0) {
            // They share a connection, and so reach Redis in this order.
            join_all(lot.drain(..).map(|job| self.work(job))).await;
        }
    }

    async fn work(&self, job: Job) {
        // By then what was freed since does not say so any more.
        let in_time = job.since.elapsed() < FREE_TTL;
        if !in_time || self.breaker.call::<redis::Value>(&job.ask).await.is_err() {
            self.known.doubt(&job.seats);
        }
        // Whoever waited may have lost patience.
        let _ = job.done.send(());
    }
}

impl Pending {
    pub(super) const fn new(jobs: Vec<oneshot::Receiver<()>>, limit: Duration) -> Self {
        Self { jobs, limit }
    }

    /// Waits until it is done, or for as long as Redis may take.
    pub async fn wait(self) {
        if !self.jobs.is_empty() {
            let _ = timeout(self.limit, join_all(self.jobs)).await;
        }
    }
}
