//! The way of a command to the ledger, past the seat lock where there is one.

use std::sync::Arc;
use std::time::Duration;

use poltrona_domain::{Command, Refusal};
use redis::RedisResult;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::lock::{Lock, LockRequest, Verdict};
use crate::env::Env;
use crate::failpoint::Failpoint;
use crate::ledger::{Feed, Ledger, OnDecided, Reply, Request};
use crate::observe::metrics::Metrics;
use crate::observe::traces::Span;
use crate::redis::Settings;

/// The early refusal of taken seats. Cheap to clone.
#[derive(Clone)]
pub enum SeatLock {
    /// Nothing: the database is asked each time.
    Off,
    /// Marks in Redis.
    Redis(Arc<Lock>),
}

/// The entry for people's commands.
#[derive(Clone, Copy)]
pub struct Admission<'a> {
    /// Where commands go.
    pub ledger: &'a Ledger,
    /// The lock, which refuses early.
    pub seat_lock: &'a SeatLock,
}

impl SeatLock {
    /// The lock in this Redis, if there is one. Its background tasks belong to `tracker` and end
    /// with `stop`. Redis need not be there yet; only an invalid URL fails.
    pub fn start(
        redis: Option<&Settings>,
        hold: Duration,
        env: &Env,
        metrics: &Arc<Metrics>,
        feed: &Feed,
        tasks: (&TaskTracker, &CancellationToken),
    ) -> RedisResult<Self> {
        let Some(redis) = redis else { return Ok(Self::Off) };
        let lock = Lock::start(redis, hold, env, metrics, feed, tasks)?;
        Ok(Self::Redis(Arc::new(lock)))
    }

    /// Whether the lock can be reached; `None` when there is none.
    pub fn state(&self) -> Option<bool> {
        match self {
            Self::Off => None,
            Self::Redis(lock) => Some(lock.is_reachable()),
        }
    }
}

impl Admission<'_> {
    /// Asks for a change, unless the lock knows that it would be refused.
    pub async fn submit(&self, request: Request) -> Reply {
        let SeatLock::Redis(lock) = self.seat_lock else {
            return self.ledger.submit(request).await;
        };
        let Command::Reserve { reservation, seats, user, hold } = &request.command else {
            return self.ledger.submit(request).await;
        };
        // A seat is not marked for a command that has no place in the queue.
        self.ledger.has_room(&request.command)?;
        let (seats, keyed) = (seats.ids(), request.key.is_some());
        let asked = LockRequest { reservation: *reservation, seats, user, hold: *hold, keyed };
        let pending = match take(lock, &asked).await {
            Verdict::Refused(taken) => return Err(Refusal::SeatsTaken(taken).into()),
            Verdict::Granted(pending) => {
                Failpoint::Locked.reached();
                Some(pending)
            }
            Verdict::Unsure(pending) => pending,
        };
        let settle =
            pending.map(|pending| -> OnDecided { Box::new(move |reply| pending.settle(reply)) });
        self.ledger.submit_with(request, settle).await
    }
}

async fn take(lock: &Lock, request: &LockRequest<'_>) -> Verdict {
    let span = Span::child("seat_lock.take");
    let verdict = span.around(lock.take(request)).await;
    let answer = match &verdict {
        Verdict::Refused(_) => "refused",
        Verdict::Granted(_) => "granted",
        Verdict::Unsure(_) => "unsure",
    };
    span.set("poltrona.seat_lock.said", answer);
    verdict
}
