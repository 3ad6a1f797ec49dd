//! The lock in Redis: its answers to requests for seats.

use std::sync::Arc;
use std::time::Duration;

use poltrona_domain::{ReservationId, SeatId, SeatTaken, UserId};
use redis::RedisResult;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::mark::Mark;
use super::mark_updater::MarkUpdater;
use super::marks::Marks;
use super::pending::{PendingLock, Standing};
use super::recent::Recent;
use super::scripts;
use crate::env::Env;
use crate::ledger::feed::{Feed, Next, Subscription};
use crate::observe::metrics::{LockAnswer, Metrics};
use crate::redis::{Breaker, CallError, Settings};

/// Marks in Redis that all instances see.
pub struct Lock {
    marks: Arc<Marks>,
    metrics: Arc<Metrics>,
}

/// A request for seats.
#[derive(Clone, Copy, Debug)]
pub(super) struct LockRequest<'a> {
    /// The reservation that this would become.
    pub(super) reservation: ReservationId,
    /// One to ten seats of one session, in the order they were asked for.
    pub(super) seats: &'a [SeatId],
    /// The user who asks.
    pub(super) user: &'a UserId,
    /// The length of the hold.
    pub(super) hold: Duration,
    /// Whether the request has an idempotency key: it may have been granted already, so that only
    /// the database can refuse it.
    pub(super) keyed: bool,
}

/// The lock's answer.
pub(super) enum Verdict {
    /// As far as the lock knows all the seats are free, and now they are marked: ask the database.
    Granted(PendingLock),
    /// These seats are taken, in the order they were asked for.
    Refused(Vec<SeatTaken>),
    /// It has no opinion: ask the database. `None` when it does not need the reply either.
    Unsure(Option<PendingLock>),
}

impl Lock {
    /// Starts looking for Redis, and following the feed. Fails only when the URL is invalid.
    pub(super) fn start(
        settings: &Settings,
        hold: Duration,
        env: &Env,
        metrics: &Arc<Metrics>,
        feed: &Feed,
        (tracker, stop): (&TaskTracker, &CancellationToken),
    ) -> RedisResult<Self> {
        let breaker = Breaker::new(settings, scripts::all(), env.ids.clone(), Arc::clone(metrics))?;
        let clock = &env.clock;
        let (breaker, recent) = (Arc::new(breaker), Arc::new(Recent::new(clock.clone())));
        let (updater, updating) = MarkUpdater::new(Arc::clone(&recent), Arc::clone(&breaker));
        tracker.spawn(Arc::clone(&breaker).watch(stop.clone()));
        tracker.spawn(updating.run(stop.clone()));
        let marks = Arc::new(Marks { breaker, updater, recent, clock: clock.clone(), hold });
        let freeing = Arc::clone(&marks);
        feed.set_before_answer(Box::new(move |commit| freeing.free(commit)));
        let following = follow(Arc::clone(&marks), feed.subscribe(), Arc::clone(metrics));
        tracker.spawn(stop.clone().run_until_cancelled_owned(following));
        Ok(Self { marks, metrics: Arc::clone(metrics) })
    }

    pub(super) fn is_reachable(&self) -> bool {
        !self.marks.breaker.is_open()
    }

    pub(super) async fn take(&self, request: &LockRequest<'_>) -> Verdict {
        let LockRequest { reservation, seats, hold, keyed, .. } = *request;
        let until = self.marks.clock.now().plus(hold);
        // Made first, for a client may leave while Redis is being asked.
        let mut pending =
            PendingLock::new(Arc::clone(&self.marks), reservation, seats, hold, until);
        let call = scripts::take(seats, pending.mark(), hold);
        let (answer, verdict) = match self.marks.breaker.call::<Vec<Vec<u8>>>(&call).await {
            Ok(marks) if marks.is_empty() => {
                pending.standing = Standing::Acquired;
                (LockAnswer::Granted, Verdict::Granted(pending))
            }
            Ok(marks) => {
                let refusal = if keyed { None } else { self.refusal(request, &marks) };
                if let Some(taken) = refusal {
                    pending.standing = Standing::Released;
                    (LockAnswer::Refused, Verdict::Refused(taken))
                } else {
                    pending.standing = Standing::Conflict(marks);
                    (LockAnswer::Unsure, Verdict::Unsure(Some(pending)))
                }
            }
            Err(CallError::Failed) => (LockAnswer::Failed, Verdict::Unsure(Some(pending))),
            Err(CallError::Open) => {
                pending.standing = Standing::Released;
                (LockAnswer::Unsure, Verdict::Unsure(None))
            }
        };
        self.metrics.seat_lock_answered(answer);
        verdict
    }

    /// The refusal that the database gave under these very marks a moment ago, if it did. A mark
    /// alone refuses nobody, for its request may still fail. The database decides on a seat that
    /// may not exist, which it reports first, on a hold whose time is over, for the seat may be
    /// free, and on the user's own hold, whose reservation it names.
    fn refusal(&self, request: &LockRequest<'_>, marks: &[Vec<u8>]) -> Option<Vec<SeatTaken>> {
        let (recent, seats) = (&self.marks.recent, request.seats);
        if !recent.all_exist(seats) {
            return None;
        }
        let now = self.marks.clock.now();
        let blocked = seats.iter().zip(marks).filter(|(_, mark)| !mark.is_empty());
        let taken = |(seat, mark): (&SeatId, &Vec<u8>)| {
            let taken = recent.recent_refusal(*seat, Mark::read(mark)?)?;
            let is_others = taken.holder.as_ref() != Some(request.user);
            (is_others && taken.retry_at.is_none_or(|at| now < at)).then_some(taken)
        };
        blocked.map(taken).collect()
    }
}

/// Updates marks after this instance's commits. After missed commits it forgets what it knew of
/// seats, and learns it anew from the next answers; missing marks only cost a question to the
/// database.
async fn follow(marks: Arc<Marks>, mut commits: Subscription, metrics: Arc<Metrics>) {
    while let Some(next) = commits.next().await {
        match next {
            Next::Commit(commit) => marks.follow(&commit),
            Next::Missed(missed) => {
                metrics.missed(missed);
                marks.recent.forget_all();
            }
        }
    }
}
