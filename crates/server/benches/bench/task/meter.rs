//! The counters of a server, its engines and the client, read before and after a measurement.

use std::time::Duration;

use crate::load::Ran;
use crate::machine;
use crate::metrics::Metrics;
use crate::report::{Measure, Sample, as_f64};
use crate::server::Server;
use crate::testbed::Testbed;

/// The counters at one moment.
pub(crate) struct Meter {
    server: Duration,
    client: Duration,
    engines: [Duration; 3],
    /// Of the program; the ceiling has none.
    metrics: Option<Metrics>,
}

impl Meter {
    /// Reads them. `counts`: whether the server has a page of metrics.
    pub(crate) async fn read(
        testbed: &Testbed,
        server: &Server,
        counts: bool,
    ) -> anyhow::Result<Self> {
        let metrics = if counts { Some(server.metrics().await?) } else { None };
        let (server, client) = (server.cpu()?, machine::own_cpu()?);
        Ok(Self { server, client, engines: testbed.cpu(), metrics })
    }

    /// Adds to a sample what was used since `before`, for each of the calls that ran.
    pub(crate) fn add_to(&self, sample: &mut Sample, before: &Self, ran: &mut Ran) {
        let calls = as_f64(ran.times.count());
        let micros = |after: Duration, before: Duration| {
            after.saturating_sub(before).as_secs_f64() * 1e6 / calls
        };
        let engines: Vec<_> =
            self.engines.iter().zip(before.engines).map(|(now, then)| micros(*now, then)).collect();
        let server = micros(self.server, before.server);
        sample
            .add(Measure::Rate, calls / ran.took.as_secs_f64())
            .add(Measure::P50Ms, ran.times.millis_at(0.5))
            .add(Measure::P99Ms, ran.times.millis_at(0.99))
            .add(Measure::ServerUs, server)
            .add(Measure::TotalUs, server + engines.iter().sum::<f64>())
            .add(Measure::ClientUs, micros(self.client, before.client));
        let names = [Measure::PostgresUs, Measure::RedisUs, Measure::RabbitmqUs];
        for (name, used) in names.into_iter().zip(engines).filter(|(_, used)| *used > 0.0) {
            sample.add(name, used);
        }
        if let (Some(now), Some(then)) = (&self.metrics, &before.metrics) {
            let grew = |series| now.since(then, series);
            let batches = grew("poltrona_batch_size_sum") / grew("poltrona_batch_size_count");
            sample
                .add(Measure::Commits, grew("poltrona_commits_total") / calls)
                .add(Measure::RoundTrips, grew("poltrona_ledger_round_trips_total") / calls)
                .add(Measure::Batch, batches);
        }
    }
}
