//! The engine, its traces, and the state that requests share: started and stopped together.

use std::sync::Arc;

use poltrona_engine::backoff::DATABASE_AT_START;
use poltrona_engine::observe::metrics::Metrics;
use poltrona_engine::store::postgres::OpenError as ServerError;
use poltrona_engine::store::{Location, OpenError};
use poltrona_engine::{Env, StartError, engine};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tracing::info;

use super::options;
use crate::config::Config;
use crate::failure::Failure;
use crate::http::state::{App, SharedApp};
use crate::telemetry::collector::{self, Collecting};

/// A box office that is open: its store is reached, and its background work runs.
pub struct Running {
    /// The state that requests share.
    pub app: SharedApp,
    /// Where the data are.
    pub location: Location,
    engine: engine::Running,
    collecting: Collecting,
}

impl Running {
    /// Opens the store, waiting for its server as long as the configuration says, and starts the
    /// engine over it.
    pub async fn start(config: Config, env: Env) -> anyhow::Result<Self> {
        let tls = options::tls(&config)?;
        let location = options::location(&config, &tls)?;
        let metrics = Arc::new(Metrics::new()?);
        let (traces, collecting) = collector::traces(&config, &tls, &env, &metrics)?;
        let options = options::engine(&config, &tls, metrics, traces);
        let deadline = Instant::now() + config.wait_for;
        let mut waits = DATABASE_AT_START.waits(&env.ids);
        let engine = loop {
            match engine::Running::open(&location, options.clone(), env.clone()).await {
                Ok(running) => break running,
                Err(StartError::Store(OpenError::Server(error @ ServerError::Unreachable(_))))
                    if Instant::now() < deadline =>
                {
                    let (error, server) = (error.to_string(), location.describe());
                    info!(target: "database", error, server, "waiting for PostgreSQL");
                    let left = deadline.saturating_duration_since(Instant::now());
                    sleep(waits.next_wait().min(left)).await;
                }
                Err(error) => return Err(failure(error, &location)),
            }
        };
        let app = Arc::new(App::new(config, engine.engine.clone()));
        Ok(Self { app, location, engine, collecting })
    }

    /// Cancelled when the disk failed and the program must end.
    pub const fn fatal(&self) -> &CancellationToken {
        &self.engine.fatal
    }

    /// Stops the engine, then the task that sends its traces.
    pub async fn stop(self) {
        self.app.stop.cancel();
        self.engine.stop().await;
        self.collecting.stop(self.app.config.shutdown_grace).await;
    }
}

/// The failure that ends the program, with the exit code for its cause.
fn failure(error: StartError, location: &Location) -> anyhow::Error {
    match error {
        StartError::Store(OpenError::Folder(error)) => Failure::Usage(error.to_string()).into(),
        StartError::Store(OpenError::Server(error @ ServerError::Unreachable(_))) => {
            Failure::Away(format!("{}: {error}", location.describe())).into()
        }
        StartError::Store(OpenError::Server(error)) => Failure::Usage(error.to_string()).into(),
        other => other.into(),
    }
}
