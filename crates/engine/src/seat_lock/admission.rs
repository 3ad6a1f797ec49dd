//! The way of a command to the ledger, past the seat lock where there is one.

use std::sync::Arc;
use std::time::Duration;

use poltrona_domain::{Command, Refusal, ReservationId, SeatId, SeatTaken, UserId};
use redis::RedisResult;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::calls::Calls;
use super::mark::Mark;
use super::marks::Marks;
use super::operation;
use super::pending::{PendingLock, Standing};
use super::recent::Recent;
use super::refusals::Refusals;
use crate::env::Env;
use crate::failpoint::Failpoint;
use crate::ledger::{Feed, Ledger, Reply, Request};
use crate::live::Stamps;
use crate::observe::metrics::{LockAnswer, Metrics};
use crate::observe::traces::Span;
use crate::redis::{Breaker, CallError, Settings};

/// The early refusal of taken seats. Cheap to clone.
#[derive(Clone)]
pub enum SeatLock {
    /// Nothing: the database is asked each time.
    Off,
    /// Refusals that this program remembers, when it alone writes to the database.
    Memory(Arc<Refusals>),
    /// Marks in Redis, which all instances see.
    Redis(Arc<Marks>),
}

impl SeatLock {
    /// The lock in this Redis; without one, the lock in memory if this program alone writes, and has `stamps`.
    /// Its background tasks belong to `tracker` and end with `stop`. Redis need not be there yet; only an
    /// invalid URL fails.
    pub fn start(
        redis: Option<&Settings>,
        stamps: Option<&Stamps>,
        hold: Duration,
        env: &Env,
        metrics: &Arc<Metrics>,
        feed: &Feed,
        (tracker, stop): (&TaskTracker, &CancellationToken),
    ) -> RedisResult<Self> {
        let (clock, metrics) = (env.clock.clone(), Arc::clone(metrics));
        let Some(redis) = redis else {
            let memory = |stamps: &Stamps| Refusals::new(stamps.clone(), clock, metrics);
            return Ok(stamps.map_or(Self::Off, |stamps| Self::Memory(Arc::new(memory(stamps)))));
        };
        let scripts = operation::scripts();
        let breaker = Breaker::new(redis, scripts, env.ids.clone(), Arc::clone(&metrics))?;
        let breaker = Arc::new(breaker);
        let (calls, calling) = Calls::new(&breaker);
        tracker.spawn(breaker.watch(stop.clone()));
        tracker.spawn(calling.run(stop.clone()));
        let recent = Recent::new(clock.clone());
        let marks = Arc::new(Marks { calls, recent, clock, hold, metrics });
        let following = Arc::clone(&marks);
        feed.set_before_answer(Box::new(move |commit| following.committed(commit)));
        Ok(Self::Redis(marks))
    }

    /// Whether the lock can be reached; `None` when there is none.
    pub fn state(&self) -> Option<bool> {
        match self {
            Self::Off | Self::Memory(_) => None,
            Self::Redis(marks) => Some(!marks.calls.breaker.is_open()),
        }
    }

    /// How many requests and changes of marks wait for the next call to Redis: for tests, which have to
    /// know what a call will carry.
    #[doc(hidden)]
    pub fn waiting(&self) -> usize {
        match self {
            Self::Off | Self::Memory(_) => 0,
            Self::Redis(marks) => marks.calls.waiting(),
        }
    }

    /// Asks the ledger for a change, unless the lock knows that it would be refused.
    pub async fn submit(&self, ledger: &Ledger, request: Request) -> Reply {
        match self {
            Self::Off => ledger.submit(request).await,
            Self::Memory(refusals) => refusals.submit(ledger, request).await,
            Self::Redis(marks) => submit(marks, ledger, request).await,
        }
    }
}

/// Asks the ledger for a change, unless Redis knows that it would be refused.
async fn submit(marks: &Arc<Marks>, ledger: &Ledger, request: Request) -> Reply {
    let Command::Reserve { reservation, seats, user, hold } = &request.command else {
        return ledger.submit(request).await;
    };
    // A seat is not marked for a command that has no place in the queue.
    ledger.has_room(&request.command)?;
    // It may have been granted already, so that only the database can refuse it.
    let repeat_to = if request.key.is_some() { None } else { Some(user) };
    let taking = take(marks, *reservation, seats.ids(), *hold, repeat_to);
    let pending = traced(taking).await.map_err(Refusal::SeatsTaken)?;
    if pending.is_acquired() {
        Failpoint::Locked.reached();
    }
    let reply = ledger.submit(request).await;
    pending.settle(&reply);
    reply
}

/// Asks for one to ten seats of one session. The answer is a request to be settled with the database's
/// reply, or the seats that are taken, in the order asked for, if a refusal may be repeated to somebody.
async fn take(
    marks: &Arc<Marks>,
    reservation: ReservationId,
    seats: &[SeatId],
    hold: Duration,
    repeat_to: Option<&UserId>,
) -> Result<PendingLock, Vec<SeatTaken>> {
    let own = Mark::held(reservation, marks.clock.now().plus(hold));
    // Made first, for a client may leave while Redis is being asked.
    let mut pending = PendingLock::new(Arc::clone(marks), seats.into(), own, hold);
    let mut refused = None;
    let answer = match marks.calls.take(pending.take()).await {
        Ok(found) if found.is_empty() => {
            pending.standing = Standing::Acquired;
            LockAnswer::Granted
        }
        Ok(found) if found.len() == seats.len() => {
            refused = repeat_to.and_then(|user| marks.recent.repeat(seats, &found, user));
            pending.standing = Standing::Conflict(found);
            if refused.is_some() { LockAnswer::Refused } else { LockAnswer::Unsure }
        }
        Ok(_) | Err(CallError::Failed) => LockAnswer::Failed,
        Err(CallError::NotAsked) => {
            pending.standing = Standing::Released;
            LockAnswer::Unsure
        }
    };
    marks.metrics.seat_lock_answered(answer);
    refused.map_or(Ok(pending), Err)
}

/// The lock's answer, in a span of its own.
async fn traced(
    taking: impl Future<Output = Result<PendingLock, Vec<SeatTaken>>>,
) -> Result<PendingLock, Vec<SeatTaken>> {
    let span = Span::child("seat_lock.take");
    let answer = span.around(taking).await;
    let said = match &answer {
        Err(_) => "refused",
        Ok(pending) if pending.is_acquired() => "granted",
        Ok(_) => "unsure",
    };
    span.set("poltrona.seat_lock.said", said);
    answer
}
