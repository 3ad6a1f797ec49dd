//! The open connections: how many there may be, and which of them makes room for another.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::head_timeout::Phase;

/// How long a connection must have rested before it is closed for another: busy clients keep
/// theirs.
const RESTED: Duration = Duration::from_secs(1);
/// How often a newcomer looks for one that has rested long enough.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// How often the same trouble is logged.
const WARN_EVERY: Duration = Duration::from_secs(10);

/// The open connections. Cheap to clone.
#[derive(Clone)]
pub(super) struct Connections(Arc<Inner>);

struct Inner {
    most: usize,
    slots: Arc<Semaphore>,
    open: Mutex<HashMap<u64, Open>>,
    next: AtomicU64,
    full: Rarely,
    stop: CancellationToken,
}

/// A connection, as the others see it.
struct Open {
    phase: Phase,
    leave: CancellationToken,
}

/// A place among the open connections, which is given up when this is dropped.
pub(super) struct Place {
    connections: Connections,
    number: u64,
    /// Whether the connection answers a request.
    pub(super) phase: Phase,
    /// Cancelled when the connection has to make room, or the program stops: it closes after its
    /// current answer, if any.
    pub(super) leave: CancellationToken,
    _slot: OwnedSemaphorePermit,
}

impl Connections {
    /// Room for `most` connections, which all leave after `stop`.
    pub(super) fn new(most: usize, stop: CancellationToken) -> Self {
        Self(Arc::new(Inner {
            most,
            slots: Arc::new(Semaphore::new(most)),
            open: Mutex::default(),
            next: AtomicU64::new(0),
            full: Rarely::default(),
            stop,
        }))
    }

    /// A place for another connection. When there is none, the connection that has rested longest
    /// is closed; where none has rested, this waits.
    pub(super) async fn place(&self) -> Option<Place> {
        if let Some(place) = self.try_place() {
            return Some(place);
        }
        if let Some(times) = self.0.full.again(Instant::now()) {
            warn!(
                target: "server", max_connections = self.0.most, times,
                "every connection is taken: those that rest longest are closed for others"
            );
        }
        loop {
            self.make_room(Instant::now());
            let slot = timeout(LOOK_EVERY, Arc::clone(&self.0.slots).acquire_owned()).await;
            if let Ok(slot) = slot {
                return slot.ok().map(|slot| self.enter(slot));
            }
        }
    }

    /// A place for another connection, if there is one.
    pub(super) fn try_place(&self) -> Option<Place> {
        let slot = Arc::clone(&self.0.slots).try_acquire_owned().ok()?;
        Some(self.enter(slot))
    }

    /// Closes the connection that has rested longest, if any has.
    pub(super) fn make_room(&self, now: Instant) {
        let open = self.open();
        let resting = open.values().filter(|it| !it.leave.is_cancelled());
        let rested = resting.filter_map(|it| Some((it.phase.rested(now)?, it)));
        let longest =
            rested.filter(|(rested, _)| *rested >= RESTED).max_by_key(|(rested, _)| *rested);
        if let Some((_, connection)) = longest {
            connection.leave.cancel();
        }
    }

    fn enter(&self, slot: OwnedSemaphorePermit) -> Place {
        let number = self.0.next.fetch_add(1, Ordering::Relaxed);
        let (phase, leave) = (Phase::default(), self.0.stop.child_token());
        self.open().insert(number, Open { phase: phase.clone(), leave: leave.clone() });
        Place { connections: self.clone(), number, phase, leave, _slot: slot }
    }

    fn open(&self) -> MutexGuard<'_, HashMap<u64, Open>> {
        self.0.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.connections.open().remove(&self.number);
    }
}

/// A recurring trouble, logged now and then with the number of times it came since.
#[derive(Default)]
pub(super) struct Rarely(Mutex<(Option<Instant>, u32)>);

impl Rarely {
    /// Notes that it came again; returns how often since the last line, if it is time for one.
    pub(super) fn again(&self, now: Instant) -> Option<u32> {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (logged, times) = &mut *seen;
        *times += 1;
        if logged.is_some_and(|at| now.saturating_duration_since(at) < WARN_EVERY) {
            return None;
        }
        *logged = Some(now);
        Some(std::mem::take(times))
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_one_that_rested_longest_makes_room_and_no_other() {
        let connections = Connections::new(3, CancellationToken::new());
        let places = [(); 3].map(|()| connections.try_place().unwrap());
        let leaving = || [0, 1, 2].map(|place: usize| places[place].leave.is_cancelled());
        places[0].phase.begin();
        advance(RESTED).await;
        places[1].phase.begin();
        places[1].phase.end();
        connections.make_room(Instant::now());
        assert_eq!(leaving(), [false, false, true], "one answers, one just did");
        connections.make_room(Instant::now());
        assert_eq!(leaving(), [false, false, true]);
        advance(RESTED).await;
        connections.make_room(Instant::now());
        connections.make_room(Instant::now());
        assert_eq!(leaving(), [false, true, true], "one that answers stays");
    }

    #[tokio::test(start_paused = true)]
    async fn a_newcomer_waits_until_one_leaves() {
        let connections = Connections::new(1, CancellationToken::new());
        let place = connections.place().await.unwrap();
        assert!(connections.place().now_or_never().is_none());
        let leave = place.leave.clone();
        let leaving = async move {
            leave.cancelled().await;
            drop(place);
        };
        let (newcomer, ()) = tokio::join!(connections.place(), leaving);
        assert!(newcomer.is_some());
        assert_eq!(connections.open().len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn trouble_is_logged_at_once_and_then_rarely_with_its_count() {
        let (rarely, start) = (Rarely::default(), Instant::now());
        assert_eq!(rarely.again(start), Some(1));
        assert_eq!([1, 2].map(|s| rarely.again(start + Duration::from_secs(s))), [None, None]);
        assert_eq!(rarely.again(start + WARN_EVERY), Some(3));
    }
}
