//! Coalescing of reads: concurrent requests for one key share a read.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex as StdMutex, PoisonError};

use tokio::sync::Mutex;

/// Shares reads by key. A request is only ever served by a read that began after it came, so no
/// answer is older than its question; and of any number of requests for one key, at most one read
/// runs at a time.
pub struct Coalesced<K, V> {
    flights: StdMutex<HashMap<K, Boarded<V>>>,
}

/// The reads of a key for which requests wait.
struct Boarded<V> {
    flight: Arc<Flight<V>>,
    /// How many requests wait for it.
    passengers: usize,
}

/// The reads of one key.
struct Flight<V> {
    state: Mutex<State<V>>,
    /// How many reads have begun.
    begun: StdMutex<u64>,
}

struct State<V> {
    /// Which read gave `value`.
    number: u64,
    value: Option<V>,
}

/// A request that waits for a read. The last one removes the key when it is answered, or dropped
/// because its client hung up: memory is bounded by the requests in flight.
struct Passenger<'a, K: Hash + Eq + Copy, V> {
    shared: &'a Coalesced<K, V>,
    key: K,
    flight: Arc<Flight<V>>,
}

impl<K: Hash + Eq + Copy, V: Clone> Coalesced<K, V> {
    /// Without any reads yet.
    pub fn new() -> Self {
        Self { flights: StdMutex::default() }
    }

    /// The value of `read`, or of the next read of the same key, which all waiting requests share.
    pub async fn get<F: Future<Output = V>>(&self, key: K, read: impl FnOnce() -> F) -> V {
        let passenger = self.join(key);
        let flight = &passenger.flight;
        let come = *lock(&flight.begun);
        let mut state = flight.state.lock().await;
        match &state.value {
            // It began after this request came: it is as fresh as a read of its own.
            Some(value) if state.number > come => value.clone(),
            _ => {
                let number = {
                    let mut begun = lock(&flight.begun);
                    *begun += 1;
                    *begun
                };
                let value = read().await;
                *state = State { number, value: Some(value.clone()) };
                value
            }
        }
    }

    fn join(&self, key: K) -> Passenger<'_, K, V> {
        let new = || Flight {
            state: Mutex::new(State { number: 0, value: None }),
            begun: StdMutex::new(0),
        };
        let mut flights = lock(&self.flights);
        let boarded = flights
            .entry(key)
            .or_insert_with(|| Boarded { flight: Arc::new(new()), passengers: 0 });
        boarded.passengers += 1;
        Passenger { shared: self, key, flight: Arc::clone(&boarded.flight) }
    }
}

impl<K: Hash + Eq + Copy, V> Drop for Passenger<'_, K, V> {
    fn drop(&mut self) {
        let mut flights = lock(&self.shared.flights);
        if let Some(boarded) = flights.get_mut(&self.key) {
            boarded.passengers -= 1;
            if boarded.passengers == 0 {
                flights.remove(&self.key);
            }
        }
    }
}

impl<K: Hash + Eq + Copy, V: Clone> Default for Coalesced<K, V> {
    fn default() -> Self {
        Self::new()
    }
}

fn lock<T>(mutex: &StdMutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::future::join_all;
    use tokio::sync::Semaphore;

    use super::*;

    #[tokio::test]
    async fn requests_that_come_during_a_read_share_the_next_one() {
        let reads = AtomicUsize::new(0);
        let gate = Semaphore::new(0);
        let shared = Coalesced::new();
        let ask = || {
            shared.get(1, || async {
                gate.acquire().await.unwrap().forget();
                reads.fetch_add(1, Ordering::SeqCst)
            })
        };
        let all = join_all((0..10).map(|_| ask()));
        let open = async { gate.add_permits(10) };
        let (answers, ()) = tokio::join!(all, open);
        // The first begins at once; the nine others came before the second began, and share it.
        assert_eq!(answers.iter().filter(|read| **read == 0).count(), 1);
        assert_eq!(answers.iter().filter(|read| **read == 1).count(), 9);
        assert!(lock(&shared.flights).is_empty(), "nothing is kept");
    }

    #[tokio::test]
    async fn a_request_that_is_dropped_half_way_leaves_nothing_behind() {
        let shared = Coalesced::<_, ()>::new();
        let mut reading = Box::pin(shared.get(1, std::future::pending));
        let mut waiting = Box::pin(shared.get(1, std::future::pending));
        assert!(futures_util::poll!(&mut reading).is_pending());
        assert!(futures_util::poll!(&mut waiting).is_pending());
        drop(reading);
        assert_eq!(lock(&shared.flights).len(), 1, "somebody still waits");
        drop(waiting);
        assert!(lock(&shared.flights).is_empty(), "nothing is kept");
    }
}
