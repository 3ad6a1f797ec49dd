//! Servers that take writes, of the hosts that a URL names. There must be one: when a primary that
//! was replaced comes back, an instance that reaches it could sell what the other has sold.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::join_all;
use tokio_postgres::SimpleQueryMessage;
use tracing::{error, info};

use super::target::Target;
use crate::env::clock::pause;

/// How often the hosts are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Looks at every host; gives those that take writes, if several do.
pub(super) async fn several(target: &Target) -> Option<Vec<String>> {
    let found = join_all(target.hosts().map(|host| primary(target, host))).await;
    // A server with two names is one server.
    let found: BTreeMap<_, _> = found.into_iter().flatten().collect();
    let names: Vec<_> = found.into_values().collect();
    let were_several = target.state.primaries.found(names.len()) > 1;
    match (were_several, names.len() > 1) {
        (false, true) => error!(
            target: "database", hosts = names.join(", "),
            "several servers take writes: nothing is sold until one does. Stop the one that was \
             replaced, and make it a standby (pg_rewind) before it starts again"
        ),
        (true, false) => info!(target: "database", "one server takes writes again"),
        _ => {}
    }
    (names.len() > 1).then_some(names)
}

/// Looks at the hosts again and again, where there are several.
pub(super) async fn watch(target: Target) {
    while target.hosts().len() > 1 {
        several(&target).await;
        pause(LOOK_EVERY).await;
    }
}

/// When the server of a host was started, by which it is known, and the host's name, if it takes writes.
async fn primary(target: &Target, host: usize) -> Option<(String, String)> {
    const IS_PRIMARY: &str = "SELECT pg_postmaster_start_time()::text
         WHERE NOT pg_is_in_recovery() AND current_setting('transaction_read_only') = 'off'";
    let client = target.connect_to(host).await?;
    let rows = client.simple_query(IS_PRIMARY).await.ok()?;
    rows.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some((row.get(0)?.to_owned(), target.name(host))),
        _ => None,
    })
}
