//! The marks in Redis, and the refusals of the database that agree with them.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, join_all};
use poltrona_domain::{Event, Seat, SeatId, Timestamp};
use tokio::time::timeout;

use super::calls::Calls;
use super::mark::Mark;
use super::operation::{Operation, SOLD_TTL};
use super::recent::Recent;
use crate::env::clock::Clock;
use crate::ledger::Commit;
use crate::observe::metrics::Metrics;

/// The marks in Redis, as the parts of the lock share them.
pub struct Marks {
    pub(super) calls: Calls,
    pub(super) recent: Recent,
    pub(super) clock: Clock,
    /// How long a hold is: no mark that came of a refusal stands longer.
    pub(super) hold: Duration,
    pub(super) metrics: Arc<Metrics>,
}

impl Marks {
    /// How long a mark that agrees with the database may stand: until its time, and, should this
    /// instance's clock be far behind, no longer than a hold.
    pub(super) fn ttl(&self, retry_at: Option<Timestamp>) -> Duration {
        retry_at.map_or(SOLD_TTL, |at| self.clock.now().until(at).min(self.hold))
    }

    /// Forgets refusals of the seats that a commit changed, and brings the marks of those extended,
    /// sold and given back in line with it. A lapse needs nothing: a mark has its own end, and may
    /// be the next one's.
    ///
    /// The future ends when Redis has freed what was given back, and no later than it may take: so
    /// that no request after the answer is refused these seats.
    pub(super) fn committed(&self, commit: &Commit) -> Option<BoxFuture<'static, ()>> {
        let update = |operation| self.calls.update(vec![operation], commit.committed);
        let (mut cancelled, mut freed) = (None, Vec::new());
        for event in &commit.events {
            self.recent.changed(event.seats());
            match event {
                Event::ReservationCancelled { reservation } => cancelled = Some(reservation.id),
                Event::SeatReleased { reservation, seats, .. }
                    if cancelled == Some(*reservation) =>
                {
                    freed.extend(update(Operation::free(ids(seats), *reservation)));
                }
                Event::ReservationExtended { reservation, seats } => {
                    let mark = Mark::held(reservation.id, reservation.expires_at);
                    let ttl = self.ttl(mark.retry_at);
                    drop(update(Operation::update(ids(seats), mark.owner, mark, ttl)));
                }
                Event::PaymentConfirmed { reservation, seats, .. } => {
                    drop(update(Operation::sell(ids(seats), reservation.id)));
                }
                _ => {}
            }
        }
        let (limit, freed) = (self.calls.breaker.limit(), (!freed.is_empty()).then_some(freed)?);
        // The limit is counted where this is waited for, which is not on the worker.
        Some(async move { timeout(limit, join_all(freed)).await.map_or((), drop) }.boxed())
    }
}

fn ids(seats: &[Seat]) -> Arc<[SeatId]> {
    seats.iter().map(|seat| seat.id).collect()
}
