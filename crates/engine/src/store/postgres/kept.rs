//! Settings that a connection must keep for as long as it is open, and poolers that lose them.
//!
//! They are sent as statements and read back: a pooler may silently drop those that come with the
//! first packet (`ignore_startup_parameters`), and one that gives each transaction another
//! connection loses them, and prepared statements with them.

use futures_util::future::BoxFuture;
use tokio_postgres::Client;

use super::target::Target;
use super::timeline::{self, Timeline};
use crate::store::error::Error;

/// Names and values, as the server shows them.
pub(super) type Settings = &'static [(&'static str, &'static str)];

/// Limits that the server keeps for us, so that an instance that was paused or cut off holds a seat
/// for two seconds at most.
pub(super) const LIMITS: Settings = &[
    ("idle_in_transaction_session_timeout", "2s"),
    ("lock_timeout", "1s"),
    ("statement_timeout", "5s"),
    ("jit", "off"),
];
/// How statements of commands and background writes are planned: once, and always by their keys, even if
/// the statistics of a young table suggest another plan.
pub(super) const PLANNED_ONCE: Settings = &[
    ("plan_cache_mode", "force_generic_plan"),
    ("enable_seqscan", "off"),
    ("enable_hashjoin", "off"),
    ("enable_mergejoin", "off"),
];

/// Whether commits wait for the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Durability {
    /// For the disk, and for standbys where the server wants that.
    Synced,
    /// For nothing: writes lost in a crash come again.
    Deferred,
}

impl Durability {
    /// A server that waits for a standby to apply a commit (`remote_apply`) goes on doing so.
    const fn sql(self) -> &'static str {
        match self {
            Self::Synced => {
                "SELECT set_config('synchronous_commit', CASE current_setting('synchronous_commit')
                    WHEN 'remote_apply' THEN 'remote_apply' ELSE 'on' END, false);"
            }
            Self::Deferred => "SET synchronous_commit = off;",
        }
    }

    const fn allows(self, value: &str) -> bool {
        match self {
            Self::Synced => matches!(value.as_bytes(), b"on" | b"remote_apply"),
            Self::Deferred => matches!(value.as_bytes(), b"off"),
        }
    }
}

/// Sets them on a connection, and reads them back; both in one round trip. Fails on a server that was
/// replaced, too.
pub(super) async fn keep(
    client: &Client,
    settings: impl Iterator<Item = (&'static str, &'static str)>,
    durability: Durability,
    timeline: &Timeline,
) -> Result<(), Error> {
    let settings: Vec<_> = settings.collect();
    let sets: Vec<_> =
        settings.iter().map(|(name, value)| format!("SET {name} = '{value}';")).collect();
    let sets = format!("{}{}", sets.concat(), durability.sql());
    let reads = settings.iter().map(|(name, _)| format!("current_setting('{name}')"));
    let beside = ["current_setting('synchronous_commit')", timeline::LOG_FILE];
    let reads: Vec<_> = reads.chain(beside.map(str::to_owned)).collect();
    let read = format!("SELECT {}", reads.join(", "));
    let ((), rows) =
        futures_util::try_join!(client.batch_execute(&sets), client.simple_query(&read))?;
    let row = rows.iter().find_map(|message| match message {
        tokio_postgres::SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    });
    let value = |column| row.and_then(|row| row.get(column)).unwrap_or_default();
    let lost = settings.iter().enumerate().find(|(column, (_, sent))| value(*column) != *sent);
    if let Some((column, (name, sent))) = lost {
        return Err(Error::Unavailable(lost_setting(name, sent, value(column))));
    }
    let committed = value(settings.len());
    if !durability.allows(committed) {
        return Err(Error::Unavailable(lost_setting("synchronous_commit", "on", committed)));
    }
    timeline.saw(value(settings.len() + 1))
}

fn lost_setting(name: &str, sent: &str, found: &str) -> String {
    format!("{name} was set to {sent} and is {found}: {POOLED}")
}

/// The fault of a pooler that loses settings, and its fix.
pub const POOLED: &str = "a pooler between this program and PostgreSQL does not keep a connection's \
                          settings; set pool_mode = session for this database, or connect to the \
                          server itself";

/// Whether a connection keeps its settings. Where each transaction gets another connection to the
/// server, a second client's transaction gets the connection that the first has just used.
pub fn keeps_connections(target: &Target) -> BoxFuture<'_, Result<bool, tokio_postgres::Error>> {
    const PROCESS: &str = "SELECT pg_backend_pid()";
    Box::pin(async move {
        let (ours, other) = (target.connect().await?, target.connect().await?);
        let process = async |client: &Client| -> Result<Option<String>, tokio_postgres::Error> {
            let rows = client.simple_query(PROCESS).await?;
            Ok(rows.iter().find_map(|message| match message {
                tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
                _ => None,
            }))
        };
        let before = process(&ours).await?;
        other.batch_execute("BEGIN").await?;
        let taken = process(&other).await?;
        let after = process(&ours).await?;
        other.batch_execute("ROLLBACK").await?;
        Ok(before == after && taken != before)
    })
}
