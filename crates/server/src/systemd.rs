//! Reports the state of the server to systemd.
//!
//! systemd names a socket in `NOTIFY_SOCKET` for a service of `Type=notify`. Without that variable
//! nothing is sent. A message that cannot be sent is logged, and the server goes on.

use sd_notify::NotifyState;
use tracing::warn;

/// Reports that the server accepts requests at `url`.
pub fn ready(url: &str) {
    notify(&[NotifyState::Ready, NotifyState::Status(&format!("serving on {url}"))]);
}

/// Reports that the server stops.
pub fn stopping() {
    notify(&[NotifyState::Stopping, NotifyState::Status("stopping: answering what was accepted")]);
}

fn notify(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        warn!(target: "server", %error, "systemd cannot be notified");
    }
}
