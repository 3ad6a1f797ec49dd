//! A connection of a worker, with the statements that a batch may need prepared on it.

use futures_util::try_join;
use tokio::time::Instant;
use tokio_postgres::{Client, Statement};

use super::kept::{self, Durability, LIMITS, PLANNED_ONCE};
use super::save_sql::SaveStatements;
use super::sql;
use super::target::Target;
use crate::store::error::Error;

/// An open connection.
pub(super) struct Session {
    pub(super) client: Client,
    pub(super) statements: Statements,
    /// The statements that it may be saved by.
    pub(super) saving: SaveStatements,
    /// When it was opened, or a moment before.
    pub(super) opened: Instant,
    batches: u64,
}

/// Why a connection could not be opened.
pub(super) enum OpenFault {
    /// A fault of the server or the network.
    Server(tokio_postgres::Error),
    /// It does not keep our settings.
    Kept(Error),
}

impl From<tokio_postgres::Error> for OpenFault {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Server(error)
    }
}

/// Names each statement once: its field, and its text.
macro_rules! statements {
    ($($name:ident: $sql:expr,)*) => {
        /// The statements that a batch may lock and load by.
        pub(super) struct Statements { $(pub(super) $name: Statement,)* }

        impl Statements {
            async fn prepare(client: &Client) -> Result<Self, tokio_postgres::Error> {
                let ($($name,)*) = try_join!($(async { client.prepare(&$sql).await },)*)?;
                Ok(Self { $($name,)* })
            }
        }
    };
}

statements! {
    lock_sessions: sql::LOCK_SESSIONS,
    lock_seats: sql::lock_seats(),
    time_and_sessions: sql::time_and_sessions(),
    reservations: sql::reservations(),
    callers: sql::ANSWERS_OF_CALLERS,
    owners: sql::ANSWERS_OF_RESERVATIONS,
}

/// The events of a large batch are longer than a page has room for, and are compressed: with LZ4, where
/// the server was built with it, in a fraction of the time.
const COMPRESS_FAST: &str = "
    SELECT set_config(name, 'lz4', false) FROM pg_settings
    WHERE name = 'default_toast_compression' AND 'lz4' = ANY(enumvals)";

impl Session {
    /// Connects, sets our limits, and prepares.
    pub(super) async fn open(target: &Target) -> Result<Self, OpenFault> {
        let opened = Instant::now();
        let client = target.connect().await?;
        let settings = LIMITS.iter().chain(PLANNED_ONCE).copied();
        let kept = kept::keep(&client, settings, Durability::Synced, &target.state.timeline);
        kept.await.map_err(OpenFault::Kept)?;
        // Boxed, for it is large and seldom runs.
        let prepared = Box::pin(Statements::prepare(&client));
        let (statements, saving, ()) = try_join!(
            prepared,
            SaveStatements::prepare(&client),
            client.batch_execute(COMPRESS_FAST)
        )?;
        Ok(Self { client, statements, saving, opened, batches: 0 })
    }

    /// Counts a batch; says whether its statements are to be planned anew.
    ///
    /// A plan is made once, and while a table is smaller than a page every index of it looks alike: one
    /// that does not begin with the key is then read from end to end for as long as the plan lives,
    /// however large it grows. So plans are made again whenever the number of batches has doubled.
    pub(super) const fn begins_anew(&mut self) -> bool {
        self.batches += 1;
        self.batches.is_power_of_two()
    }
}
