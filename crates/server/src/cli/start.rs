//! Steps that commands share: settings, log and runtime.

use std::future::Future;
use std::time::Duration;

use tokio::runtime::Builder;

use super::flags::Settings;
use crate::config::{self, Config, Environment, Resolved};
use crate::failure::Failure;
use crate::telemetry::{self, Telemetry};
use poltrona_engine::env::clock::Clock;

/// How long blocking work may go on after a command is done.
const LAST_WORK: Duration = Duration::from_secs(5);

/// Decides the settings.
pub(super) fn load(settings: Settings) -> Result<Resolved, Failure> {
    Ok(config::load(settings.into_flags(), Environment::read()?)?)
}

/// Decides the settings, and starts the log as they say.
pub(super) fn start(settings: Settings) -> Result<(Config, Telemetry), Failure> {
    if !Clock::is_usable() {
        return Err(Failure::Usage(
            "this machine's clock shows a time before 1970: set it, then try again".to_owned(),
        ));
    }
    let Resolved { config, file, colours, .. } = load(settings)?;
    let telemetry = telemetry::init(&config, colours);
    if let Some(file) = file {
        tracing::debug!(target: "config", file = %file.display(), "settings were read");
    }
    Ok((config, telemetry))
}

/// Runs a task on all cores.
pub(super) fn block_on(task: impl Future<Output = anyhow::Result<()>>) -> Result<(), Failure> {
    let runtime = Builder::new_multi_thread()
        .enable_all()
        .thread_name("poltrona")
        .build()
        .map_err(anyhow::Error::from)?;
    let outcome = runtime.block_on(task);
    // Dropping the runtime would wait for blocked threads without a limit.
    runtime.shutdown_timeout(LAST_WORK);
    Ok(outcome?)
}
