//! Meters of connections and requests, on the engine's page.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};
use poltrona_engine::observe::metrics::Metrics;

/// Meters of connections and requests. A request's meters are made when the first of its kind
/// comes.
pub struct HttpMeters {
    page: Arc<Metrics>,
    connections: Gauge,
    requests: RwLock<HashMap<RequestKey, RequestMeters>>,
}

/// Route, method, status.
type RequestKey = (&'static str, &'static str, u16);

#[derive(Clone)]
struct RequestMeters {
    count: Counter,
    seconds: Histogram,
}

impl HttpMeters {
    /// Registers them with `page`.
    pub fn new(page: Arc<Metrics>) -> Self {
        let connections = page.register(|| {
            describe();
            gauge!("poltrona_connections")
        });
        Self { page, connections, requests: RwLock::default() }
    }

    /// A connection was opened.
    pub fn connected(&self) {
        self.connections.increment(1.0);
    }

    /// A connection is closed.
    pub fn disconnected(&self) {
        self.connections.decrement(1.0);
    }

    /// A request was answered. `route` is the template of its path.
    pub fn request(&self, route: &'static str, method: &'static str, status: u16, took: Duration) {
        let key = (route, method, status);
        let known = self.requests.read().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        let meters = known.unwrap_or_else(|| self.request_meters(key));
        meters.count.increment(1);
        meters.seconds.record(took);
    }

    fn request_meters(&self, key: RequestKey) -> RequestMeters {
        let (route, method, status) = key;
        let meters = self.page.register(|| RequestMeters {
            count: counter!(
                "poltrona_http_requests_total", "route" => route,
                "method" => method, "status" => status.to_string()
            ),
            seconds: histogram!("poltrona_http_request_seconds", "route" => route),
        });
        let mut requests = self.requests.write().unwrap_or_else(PoisonError::into_inner);
        requests.entry(key).or_insert(meters).clone()
    }
}

fn describe() {
    use metrics::{
        describe_counter as counter, describe_gauge as gauge, describe_histogram as times,
    };
    counter!("poltrona_http_requests_total", "Requests answered, by route, method and status.");
    gauge!("poltrona_connections", "Open connections.");
    times!("poltrona_http_request_seconds", "From a request's headers to its answer, by route.");
}
