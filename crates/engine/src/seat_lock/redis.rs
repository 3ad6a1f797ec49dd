//! The lock in Redis: what it says to a wish, and what it is told of everything else.

use std::sync::Arc;
use std::time::Duration;

use poltrona_domain::{Event, Reservation, Seat, SeatId, SeatTaken, Timestamp};
use redis::RedisResult;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::breaker::{Breaker, Silence};
use super::claim::{Claim, Standing};
use super::keeper::{Keeper, Pending};
use super::known::Known;
use super::mark::Mark;
use super::{Settings, Verdict, Wish, scripts};
use crate::clock::Clock;
use crate::observe::metrics::{LockSaid, Metrics};

/// Marks in Redis that all instances see.
pub struct Lock {
    breaker: Arc<Breaker>,
    keeper: Keeper,
    known: Arc<Known>,
    clock: Clock,
    hold: Duration,
    metrics: Arc<Metrics>,
}

impl Lock {
    /// Starts looking for Redis. Fails only when the URL is none.
    pub(super) fn start(
        url: &str,
        settings: &Settings,
        clock: &Clock,
        metrics: &Arc<Metrics>,
        (tracker, stop): (&TaskTracker, &CancellationToken),
    ) -> RedisResult<Arc<Self>> {
        let breaker = Arc::new(Breaker::new(url, settings.timeout, Arc::clone(metrics))?);
        let known = Arc::new(Known::new(clock.clone()));
        let (keeper, keeping) = Keeper::new(Arc::clone(&known), Arc::clone(&breaker));
        tracker.spawn(Arc::clone(&breaker).watch(stop.clone()));
        tracker.spawn(keeping.run(stop.clone()));
        let (clock, metrics) = (clock.clone(), Arc::clone(metrics));
        Ok(Arc::new(Self { breaker, keeper, known, clock, hold: settings.hold_ttl, metrics }))
    }

    pub(super) fn is_reachable(&self) -> bool {
        !self.breaker.is_open()
    }

    pub(super) async fn take(self: &Arc<Self>, wish: &Wish<'_>) -> Verdict {
        let Wish { reservation, seats, hold, keyed } = *wish;
        let until = self.clock.now().plus(hold);
        // Made first, for a client may leave while Redis is being asked.
        let mut claim = Claim::new(Arc::clone(self), reservation, seats, hold, until);
        let ask = scripts::take(seats, claim.mark(), hold);
        let (said, verdict) = match self.breaker.call::<Vec<Vec<u8>>>(&ask).await {
            Ok(marks) if marks.is_empty() => {
                claim.standing = Standing::Taken;
                (LockSaid::Granted, Verdict::Granted(claim))
            }
            Ok(marks) => {
                let refusal = if keyed { None } else { self.refusal(seats, &marks) };
                if let Some(taken) = refusal {
                    claim.standing = Standing::Apart;
                    (LockSaid::Refused, Verdict::Refused(taken))
                } else {
                    claim.standing = Standing::Blocked(marks);
                    (LockSaid::Unsure, Verdict::Unsure(Some(claim)))
                }
            }
            Err(Silence::Failed) => (LockSaid::Failed, Verdict::Unsure(Some(claim))),
            Err(Silence::Open) => {
                claim.standing = Standing::Apart;
                (LockSaid::Unsure, Verdict::Unsure(None))
            }
        };
        self.metrics.seat_lock_said(said);
        verdict
    }

    /// The refusal that the database gave under these very marks a moment ago; `None` where it did not.
    /// A mark alone refuses nobody, for it may be a wish that will come to nothing. A seat that may not
    /// exist is left to the database, for that is told first, and a hold whose time is over, for the
    /// seat may be free.
    fn refusal(&self, seats: &[SeatId], marks: &[Vec<u8>]) -> Option<Vec<SeatTaken>> {
        if !self.known.all_exist(seats) {
            return None;
        }
        let now = self.clock.now();
        let blocked = seats.iter().zip(marks).filter(|(_, mark)| !mark.is_empty());
        let taken = |(seat, mark): (&SeatId, &Vec<u8>)| {
            let taken = self.known.lately(*seat, Mark::read(mark)?)?;
            taken.retry_at.is_none_or(|at| now < at).then_some(taken)
        };
        blocked.map(taken).collect()
    }

    /// Writes down what the database did. A lapse is none of it: a mark says itself when it ends.
    pub(super) fn note(&self, events: &[Event]) -> Pending {
        let mut freed = Vec::new();
        for event in events {
            match event {
                Event::SessionCreated(session) => {
                    self.known.opened(session.id, session.layout.seats());
                }
                Event::SessionClosed(session) => self.known.closed(session.id),
                Event::ReservationCreated { seats, .. } => self.known.saw(&ids(seats)),
                Event::ReservationExtended { reservation, seats } => {
                    self.extended(reservation, ids(seats));
                }
                Event::PaymentConfirmed { reservation, seats, .. } => {
                    let seats = ids(seats);
                    drop(self.keeper.ask(scripts::sell(&seats, reservation.id), seats));
                }
                Event::SeatReleased { reservation, seats, .. } => {
                    let seats = ids(seats);
                    freed.push(self.keeper.ask(scripts::free(&seats, *reservation), seats));
                }
                _ => {}
            }
        }
        Pending::new(freed, self.breaker.limit())
    }

    fn extended(&self, reservation: &Reservation, seats: Vec<SeatId>) {
        let mark = Mark::held(reservation.id, reservation.expires_at);
        let ttl = self.ttl(mark.retry_at);
        drop(self.keeper.ask(scripts::keep(&seats, mark, ttl), seats));
    }

    /// How long a mark that says what the database said may stand: until its time, and, should this
    /// instance's clock be far behind, no longer than a hold.
    pub(super) fn ttl(&self, retry_at: Option<Timestamp>) -> Duration {
        retry_at.map_or(scripts::SOLD_TTL, |at| self.clock.now().until(at).min(self.hold))
    }

    pub(super) const fn keeper(&self) -> &Keeper {
        &self.keeper
    }

    pub(super) fn known(&self) -> &Known {
        &self.known
    }
}

fn ids(seats: &[Seat]) -> Vec<SeatId> {
    seats.iter().map(|seat| seat.id).collect()
}
