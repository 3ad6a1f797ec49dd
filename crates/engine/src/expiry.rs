//! Announcing lapses: a timer queue in the process, which follows the commit feed.
//!
//! A seat is free the instant its hold lapses, whether or not this has run (the rules compare with
//! the clock). This module records the lapse and announces it: `reservation.expired`,
//! `seat.released`. Where a broker brings lapses, the feed is not followed, and only holds that the
//! broker cannot bring are watched.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use poltrona_domain::{Event, Refusal, ReservationId, Timestamp};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};
use uuid::Uuid;

use crate::backoff::WORK;
use crate::env::Env;
use crate::env::clock::pause;
use crate::ledger::feed::{Next, Subscription};
use crate::ledger::{Error, Ledger};
use crate::observe::metrics::Metrics;
use crate::store::Store;

/// How many pending reservations are read at a time when catching up.
const CATCH_UP_ROWS: usize = 10_000;
/// How many lapses are handed to the ledger at a time.
const LAPSES: usize = 4_096;
/// How long a lapse waits after the store failed.
const PAUSE: Duration = Duration::from_secs(1);
/// How long a lapse that came too early waits.
const EARLY_RETRY: Duration = Duration::from_millis(5);

/// The reservations that will lapse, and when.
pub struct Expiry {
    env: Env,
    due: Mutex<BTreeSet<(Timestamp, ReservationId)>>,
    sooner: Notify,
}

impl Expiry {
    /// An empty queue.
    pub fn new(env: Env) -> Self {
        Self { env, due: Mutex::default(), sooner: Notify::new() }
    }

    /// Follows the feed until stopped: adds holds to watch, and removes those that ended. After
    /// missed commits it reads all pending reservations again.
    pub async fn follow(
        self: Arc<Self>,
        mut commits: Subscription,
        store: Store,
        metrics: Arc<Metrics>,
        stop: CancellationToken,
    ) {
        while let Some(Some(next)) = stop.run_until_cancelled(commits.next()).await {
            match next {
                Next::Commit(commit) => self.note(&commit.events),
                Next::Missed(missed) => {
                    metrics.missed(missed);
                    Arc::clone(&self).catch_up(store.clone(), stop.clone()).await;
                }
            }
        }
    }

    fn note(&self, events: &[Event]) {
        let mut due = self.due();
        let first = due.first().copied();
        for event in events {
            match event {
                // The entry at an extended reservation's old time stays: it only comes too early.
                Event::ReservationCreated { reservation, .. }
                | Event::ReservationExtended { reservation, .. } => {
                    due.insert((reservation.expires_at, reservation.id));
                }
                Event::ReservationCancelled { reservation }
                | Event::ReservationExpired { reservation }
                | Event::PaymentConfirmed { reservation, .. } => {
                    due.remove(&(reservation.expires_at, reservation.id));
                }
                _ => {}
            }
        }
        if due.first().copied() != first {
            self.sooner.notify_one();
        }
    }

    /// Watches reservations whose lapse nobody else would announce.
    pub fn watch(&self, overdue: Vec<(Timestamp, ReservationId)>) {
        if !overdue.is_empty() {
            self.due().extend(overdue);
            self.sooner.notify_one();
        }
    }

    /// How many holds are watched.
    pub fn watched(&self) -> usize {
        self.due().len()
    }

    /// Sends each lapse to the ledger at its time, until cancelled.
    pub async fn run(self: Arc<Self>, ledger: Ledger, stop: CancellationToken) {
        loop {
            let next = self.due().first().map(|(at, _)| *at);
            let due = async {
                match next {
                    Some(at) => self.env.clock.sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = self.sooner.notified() => {}
                () = due => self.expire(&ledger).await,
            }
        }
    }

    /// Reads pending reservations: at the start, and when their events may have been lost.
    pub async fn catch_up(self: Arc<Self>, store: Store, stop: CancellationToken) {
        let mut after = (Timestamp::from_millis(i64::MIN), ReservationId::from_uuid(Uuid::nil()));
        while !stop.is_cancelled() {
            match store.pending(after, CATCH_UP_ROWS).await {
                Ok(found) => {
                    let Some(last) = found.last() else { return };
                    after = *last;
                    self.due().extend(found);
                    self.sooner.notify_one();
                }
                Err(error) => {
                    warn!(target: "expiry", %error, "cannot read what is pending; trying again");
                    pause(WORK.wait(&self.env.ids)).await;
                }
            }
        }
    }

    /// Records lapses; gives each one's result, in order. Those that come too early are watched
    /// from now on, and count as done.
    pub async fn record(
        &self,
        ledger: &Ledger,
        lapsed: &[ReservationId],
    ) -> Vec<Result<(), Error>> {
        let replies = ledger.expire(lapsed).await;
        let mut early = Vec::new();
        let done = |(reservation, reply): (&ReservationId, _)| match reply {
            Ok(_) | Err(Error::Refused(Refusal::ReservationNotFound(_))) => Ok(()),
            // Slightly early, for clocks differ; or much too early, for it was extended.
            Err(Error::Refused(Refusal::NotLapsed { expires_at, .. })) => {
                early.push((expires_at.max(self.env.clock.now().plus(EARLY_RETRY)), *reservation));
                Ok(())
            }
            Err(error) => Err(error),
        };
        let done = lapsed.iter().zip(replies).map(done).collect();
        self.watch(early);
        done
    }

    async fn expire(&self, ledger: &Ledger) {
        let lapsed = self.take_lapsed();
        let done = self.record(ledger, &lapsed).await;
        for (reservation, done) in lapsed.into_iter().zip(done) {
            if let Err(error) = done {
                debug!(target: "expiry", %error, "a lapse was not recorded; trying again");
                self.due().insert((self.env.clock.now().plus(PAUSE), reservation));
            }
        }
    }

    fn take_lapsed(&self) -> Vec<ReservationId> {
        let now = self.env.clock.now();
        let mut due = self.due();
        let mut lapsed = Vec::new();
        while lapsed.len() < LAPSES
            && let Some((at, reservation)) = due.first().copied()
            && at <= now
        {
            due.pop_first();
            lapsed.push(reservation);
        }
        lapsed
    }

    fn due(&self) -> MutexGuard<'_, BTreeSet<(Timestamp, ReservationId)>> {
        self.due.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
