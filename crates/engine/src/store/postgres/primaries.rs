//! Servers that take writes, of the hosts that a URL names. There must be one: when a primary that
//! was replaced comes back, an instance that reaches it could sell what the other has sold.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::timeout;
use tokio_postgres::SimpleQueryMessage;
use tracing::{error, info};

use super::target::Target;
use super::timeline;
use crate::env::clock::pause;

/// How often the hosts are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// How long a host may take to connect and to answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// Checks every host; gives those that take writes, if several do. If one server does, and the host in
/// use is not one of its names, new connections go there.
pub(super) async fn several(target: &Target) -> Option<Vec<String>> {
    let found = join_all(target.hosts().map(|host| primary(target, host))).await;
    let found: Vec<_> = found.into_iter().flatten().collect();
    // A server with two names is one server.
    let servers: BTreeMap<_, _> = found.iter().map(|it| (&it.started, it.host)).collect();
    let names: Vec<_> = servers.into_values().map(|host| target.name(host)).collect();
    if let ([it, ..], 1) = (&*found, names.len())
        && it.is_newest
        && !found.iter().any(|it| target.is_in_use(it.host))
    {
        info!(target: "database", host = target.name(it.host), "moving to the host that takes writes");
        target.move_to(it.host);
    }
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

/// A host whose server takes writes.
struct Primary {
    host: usize,
    /// When its server was started, which tells servers from each other.
    started: String,
    /// Whether no server on a newer timeline was seen.
    is_newest: bool,
}

async fn primary(target: &Target, host: usize) -> Option<Primary> {
    let is_primary = format!(
        "SELECT pg_postmaster_start_time()::text, {}
         WHERE NOT pg_is_in_recovery() AND current_setting('transaction_read_only') = 'off'",
        timeline::LOG_FILE
    );
    let ask = async {
        let client = target.connect_to(host).await?;
        client.simple_query(&is_primary).await.ok()
    };
    let rows = timeout(ANSWER_TIMEOUT, ask).await.ok()??;
    rows.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => {
            let is_newest = target.state.timeline.saw(row.get(1)?).is_ok();
            Some(Primary { host, started: row.get(0)?.to_owned(), is_newest })
        }
        _ => None,
    })
}
