//! Marks that are brought up to date after the database has answered.
//!
//! One task, one queue, many marks in one round trip. What does not fit, or comes too late, is
//! dropped: that costs a question to the database, and nothing else.

use std::sync::Arc;

use futures_util::future::join_all;
use poltrona_domain::SeatId;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::recent::Recent;
use super::scripts::FREE_TTL;
use crate::redis::{Breaker, Call};

/// How many jobs may wait.
const DEPTH: usize = 4_096;
/// How many jobs are sent before the answers are awaited.
const LOT: usize = 256;

/// The sender to the task.
pub(super) struct MarkUpdater {
    jobs: mpsc::Sender<Job>,
    recent: Arc<Recent>,
}

/// The task.
pub(super) struct Updating {
    jobs: mpsc::Receiver<Job>,
    recent: Arc<Recent>,
    breaker: Arc<Breaker>,
}

/// A call to be made, after all those that were sent before it.
struct Job {
    call: Call,
    seats: Vec<SeatId>,
    since: Instant,
    done: oneshot::Sender<()>,
}

impl MarkUpdater {
    /// The sender to the task, and the task.
    pub(super) fn new(recent: Arc<Recent>, breaker: Arc<Breaker>) -> (Self, Updating) {
        let (sender, jobs) = mpsc::channel(DEPTH);
        (Self { jobs: sender, recent: Arc::clone(&recent) }, Updating { jobs, recent, breaker })
    }

    /// Changes marks of these seats, after what the database did at `since`.
    pub(super) fn update(
        &self,
        call: Call,
        seats: Vec<SeatId>,
        since: Instant,
    ) -> oneshot::Receiver<()> {
        let (done, is_done) = oneshot::channel();
        if let Err(full) = self.jobs.try_send(Job { call, seats, since, done }) {
            self.recent.invalidate(&full.into_inner().seats);
        }
        is_done
    }
}

impl Updating {
    /// Does jobs until stopped.
    pub(super) async fn run(mut self, stop: CancellationToken) {
        let mut lot = Vec::new();
        while stop.run_until_cancelled(self.jobs.recv_many(&mut lot, LOT)).await > Some(0) {
            // They share a connection, and so reach Redis in this order.
            join_all(lot.drain(..).map(|job| self.work(job))).await;
        }
    }

    async fn work(&self, job: Job) {
        // Later, the marks of seats freed since have run out.
        let in_time = job.since.elapsed() < FREE_TTL;
        if !in_time || self.breaker.call::<redis::Value>(&job.call).await.is_err() {
            self.recent.invalidate(&job.seats);
        }
        // The receiver may have timed out.
        let _ = job.done.send(());
    }
}
