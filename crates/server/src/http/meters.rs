//! Meters of connections and requests, on the engine's page.

use std::sync::Arc;
use std::time::Duration;

use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};
use poltrona_engine::observe::metrics::Metrics;

use super::kind::{ByKind, Kind};

/// Meters of connections and requests. A request's meters are made when the first of its kind
/// comes.
pub struct HttpMeters {
    page: Arc<Metrics>,
    connections: Gauge,
    requests: ByKind<RequestMeters>,
}

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
        Self { page, connections, requests: ByKind::new() }
    }

    /// A connection was opened.
    pub fn connected(&self) {
        self.connections.increment(1.0);
    }

    /// A connection is closed.
    pub fn disconnected(&self) {
        self.connections.decrement(1.0);
    }

    /// A request was answered.
    pub(super) fn request(&self, kind: Kind, took: Duration) {
        let meters = self.requests.get(kind, || self.page.register(|| RequestMeters::of(kind)));
        meters.count.increment(1);
        meters.seconds.record(took);
    }
}

impl RequestMeters {
    /// The meters of a kind. Kinds of the same labels share them.
    fn of(kind: Kind) -> Self {
        let (route, method) = (kind.route(), kind.method());
        Self {
            count: counter!(
                "poltrona_http_requests_total", "route" => route,
                "method" => method, "status" => kind.status.as_str().to_owned()
            ),
            seconds: histogram!("poltrona_http_request_seconds", "route" => route),
        }
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
