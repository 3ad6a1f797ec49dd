//! What `config` tells of the settings; the faults of wrong ones are told by whoever loads them.

use super::documents;
use crate::config::{self, Resolved};
use crate::failure::Failure;

pub(super) fn show(resolved: &Resolved, origins: bool) -> Result<(), Failure> {
    documents::print(&config::show(resolved, origins))
}

#[expect(clippy::unnecessary_wraps, reason = "commands look alike where they are chosen")]
pub(super) fn check(resolved: &Resolved) -> Result<(), Failure> {
    match &resolved.file {
        Some(file) => eprintln!("the settings are sound; {} was read", file.display()),
        None => eprintln!("the settings are sound; no configuration file was read"),
    }
    if resolved.config.redis_url.is_some() {
        eprintln!("redis-url helps only where several instances share one database");
    }
    Ok(())
}
