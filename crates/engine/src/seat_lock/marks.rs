//! The marks in Redis: the connection to them, and what this instance knows beside them.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, join_all};
use poltrona_domain::{Event, Reservation, Seat, SeatId, Timestamp};
use tokio::time::{Instant, timeout};

use super::mark::Mark;
use super::mark_updater::MarkUpdater;
use super::recent::Recent;
use super::scripts;
use crate::env::clock::Clock;
use crate::ledger::Commit;
use crate::redis::Breaker;

/// The marks in Redis, as the parts of the lock share them.
pub(super) struct Marks {
    pub(super) breaker: Arc<Breaker>,
    pub(super) updater: MarkUpdater,
    pub(super) recent: Arc<Recent>,
    pub(super) clock: Clock,
    /// How long a hold is: no mark that came of a refusal stands longer.
    pub(super) hold: Duration,
}

impl Marks {
    /// How long a mark that agrees with the database may stand: until its time, and, should this
    /// instance's clock be far behind, no longer than a hold.
    pub(super) fn ttl(&self, retry_at: Option<Timestamp>) -> Duration {
        retry_at.map_or(scripts::SOLD_TTL, |at| self.clock.now().until(at).min(self.hold))
    }

    /// Frees the seats of what a commit cancelled, so that no request after its answer is refused
    /// them: at once in this instance, and in Redis by the time that the future ends, which is no
    /// later than Redis may take. A lapse needs nothing: a mark has its own end, and may be the
    /// next one's.
    pub(super) fn free(&self, commit: &Commit) -> Option<BoxFuture<'static, ()>> {
        let (mut cancelled, mut freed) = (None, Vec::new());
        for event in &commit.events {
            if let Event::ReservationCancelled { reservation } = event {
                cancelled = Some(reservation.id);
            }
            if let Event::SeatReleased { reservation, seats, .. } = event
                && cancelled == Some(*reservation)
            {
                let seats = ids(seats);
                self.recent.invalidate(&seats);
                let call = scripts::free(&seats, *reservation);
                freed.push(self.updater.update(call, seats, commit.committed));
            }
        }
        let limit = self.breaker.limit();
        // The limit is counted where this is waited for, which is not on the worker.
        let freed = (!freed.is_empty()).then_some(freed)?;
        Some(async move { timeout(limit, join_all(freed)).await.map_or((), drop) }.boxed())
    }

    /// Updates marks after everything else that a commit did.
    pub(super) fn follow(&self, commit: &Commit) {
        for event in &commit.events {
            match event {
                Event::SessionCreated(session) => {
                    self.recent.opened(session.id, session.layout.seats());
                }
                Event::SessionClosed(session) => self.recent.closed(session.id),
                Event::ReservationCreated { seats, .. } => self.recent.saw(&ids(seats)),
                Event::ReservationExtended { reservation, seats } => {
                    self.extended(reservation, ids(seats), commit.committed);
                }
                Event::PaymentConfirmed { reservation, seats, .. } => {
                    let seats = ids(seats);
                    let call = scripts::sell(&seats, reservation.id);
                    drop(self.updater.update(call, seats, commit.committed));
                }
                _ => {}
            }
        }
    }

    fn extended(&self, reservation: &Reservation, seats: Vec<SeatId>, since: Instant) {
        let mark = Mark::held(reservation.id, reservation.expires_at);
        let call = scripts::keep(&seats, mark, self.ttl(mark.retry_at));
        drop(self.updater.update(call, seats, since));
    }
}

fn ids(seats: &[Seat]) -> Vec<SeatId> {
    seats.iter().map(|seat| seat.id).collect()
}
