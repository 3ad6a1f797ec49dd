//! One read for all who ask at once.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex as StdMutex, PoisonError};

use tokio::sync::Mutex;

/// Shares reads by key. A request is only ever served by a read that began after it came, so no
/// answer is older than its question; and of any number of requests for one key, at most one read
/// runs at a time.
pub struct Coalesced<K, V> {
    flights: StdMutex<HashMap<K, Arc<Flight<V>>>>,
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

impl<K: Hash + Eq + Copy, V: Clone> Coalesced<K, V> {
    /// Nothing is being read yet.
    pub fn new() -> Self {
        Self { flights: StdMutex::default() }
    }

    /// The value that `read` gives, or that the next read of the same key gives to all who wait.
    pub async fn get<F: Future<Output = V>>(&self, key: K, read: impl FnOnce() -> F) -> V {
        let flight = self.join(key);
        let come = *lock(&flight.begun);
        let mut state = flight.state.lock().await;
        let value = match &state.value {
            // Begun after we came: as fresh as our own would be.
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
        };
        drop(state);
        self.leave(key, &flight);
        value
    }

    fn join(&self, key: K) -> Arc<Flight<V>> {
        let mut flights = lock(&self.flights);
        let new = || Flight {
            state: Mutex::new(State { number: 0, value: None }),
            begun: StdMutex::new(0),
        };
        Arc::clone(flights.entry(key).or_insert_with(|| Arc::new(new())))
    }

    /// The last one out forgets the key, so that memory follows the requests in flight. A request
    /// that was dropped half-way is tidied up by the next one for its key.
    fn leave(&self, key: K, flight: &Arc<Flight<V>>) {
        let mut flights = lock(&self.flights);
        if Arc::strong_count(flight) == 2 {
            flights.remove(&key);
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
}
