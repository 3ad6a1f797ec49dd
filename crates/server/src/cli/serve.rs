//! `poltrona serve`.

use super::flags::Settings;
use super::start::{block_on, start};
use crate::app;
use crate::failure::Failure;

pub(super) fn run(settings: Settings) -> Result<(), Failure> {
    let (config, telemetry) = start(settings)?;
    if !config.host.to_canonical().is_loopback() {
        tracing::warn!(
            target: "config",
            host = %config.host,
            "other machines can reach this server, and nobody is authenticated",
        );
    }
    block_on(app::serve(config, telemetry.console()))
}
