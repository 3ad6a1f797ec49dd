//! The file of authorities: read here too, so that a start fails before it connects to anything.

use poltrona_engine::tls::BadCertificates;

use super::fault::{ConfigError, Fault, printable};
use super::resolve::Resolved;

/// Fails when the file that `ca-file` names cannot be used.
pub(super) fn check(resolved: &Resolved) -> Result<(), ConfigError> {
    let Err(BadCertificates { file, why }) = resolved.config.tls() else { return Ok(()) };
    let origin = resolved.settings.iter().find(|setting| setting.key.name == "ca-file");
    let origin = origin.map(|setting| format!(" (from {})", setting.origin)).unwrap_or_default();
    let what = format!("ca-file = {}{origin}", printable(&file.to_string_lossy()));
    let hint = "Name a PEM file with the certificate of the authority, readable by this user, or unset \
                ca-file to trust the system's alone.";
    Err(ConfigError { faults: vec![Fault { what, why, hint: hint.to_owned() }] })
}
