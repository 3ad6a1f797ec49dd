//! Copying the write-ahead log into the database, off the writer's path.
//!
//! A thread of its own copies what is committed (a passive checkpoint waits for nobody) each time
//! the log has grown by [`STEP_PAGES`]. But a log that is always written to never starts again from
//! its beginning, so past [`LIMIT_PAGES`] the writer stops for a moment, keeps readers out, copies
//! the little that is left, and truncates it.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, PoisonError};
use std::thread::JoinHandle;
use std::time::Instant;

use rusqlite::Connection;
use rusqlite::hooks::Wal;
use tracing::debug;

use super::{Gate, connect};
use crate::store::Error;

/// How far the log grows between two copies: 4 MiB of 4 KiB pages.
const STEP_PAGES: u32 = 1_024;
/// When the writer truncates the log: 64 MiB.
const LIMIT_PAGES: u32 = 16_384;
/// How much the writer is willing to copy itself, unless the log is twice over its limit.
const REST_PAGES: u32 = 2_048;

/// The checkpoints of one database.
pub(super) struct Checkpointer {
    wake: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
    shared: Arc<Shared>,
    gate: Gate,
    asked_at: u32,
}

#[derive(Default)]
struct Shared {
    /// The log's length after the last commit, as SQLite's hook reports it.
    log_pages: AtomicU32,
    copied_pages: AtomicU32,
    failed: AtomicBool,
}

impl Checkpointer {
    /// Starts the thread; `writer` is watched for the log's length.
    pub(super) fn start(
        writer: &mut Connection,
        file: &Path,
        gate: Gate,
    ) -> Result<Self, rusqlite::Error> {
        let connection = connect(file)?;
        let shared = Arc::new(Shared::default());
        let seen = Arc::clone(&shared);
        writer.wal_hook(Some(move |_: &mut Wal, pages| {
            seen.log_pages.store(u32::try_from(pages).unwrap_or(0), Ordering::Relaxed);
            Ok(())
        }))?;
        let (wake, woken) = sync_channel(1);
        let thread = std::thread::Builder::new().name("checkpoint".to_owned()).spawn({
            let (shared, gate) = (Arc::clone(&shared), Arc::clone(&gate));
            move || copy_when_woken(&connection, &woken, &shared, &gate)
        });
        let thread =
            thread.map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
        Ok(Self { wake: Some(wake), thread: Some(thread), shared, gate, asked_at: 0 })
    }

    /// Asks for a copy, or truncates, when the log has grown enough.
    pub(super) fn after_commit(&mut self, writer: &Connection) -> Result<(), Error> {
        if self.shared.failed.load(Ordering::Relaxed) {
            return Err(Error::Disk("a checkpoint failed".to_owned()));
        }
        let pages = self.shared.log_pages.load(Ordering::Relaxed);
        let copied = self.shared.copied_pages.load(Ordering::Relaxed);
        let rest = pages.saturating_sub(copied);
        if pages >= LIMIT_PAGES && (rest <= REST_PAGES || pages >= 2 * LIMIT_PAGES) {
            return self.truncate(writer);
        }
        if pages >= self.asked_at + STEP_PAGES {
            self.asked_at = pages;
            if let Some(wake) = &self.wake {
                // A full channel means that the thread will look again anyway.
                let _ = wake.try_send(());
            }
        }
        Ok(())
    }

    fn truncate(&mut self, writer: &Connection) -> Result<(), Error> {
        let started = Instant::now();
        let _alone = self.gate.write().unwrap_or_else(PoisonError::into_inner);
        checkpoint(writer, "TRUNCATE")?;
        debug!(target: "database", took = ?started.elapsed(), "the log begins anew");
        self.shared.log_pages.store(0, Ordering::Relaxed);
        self.asked_at = 0;
        self.shared.copied_pages.store(0, Ordering::Relaxed);
        Ok(())
    }

    /// Ends the thread and leaves an empty log behind.
    pub(super) fn close(mut self, writer: &Connection) -> Result<(), Error> {
        drop(self.wake.take());
        if let Some(thread) = self.thread.take() {
            // A panic there has already been told by the panic hook; the log is copied below.
            let _ = thread.join();
        }
        self.truncate(writer)
    }
}

fn copy_when_woken(connection: &Connection, woken: &Receiver<()>, shared: &Shared, gate: &Gate) {
    while woken.recv().is_ok() {
        let _open = gate.read().unwrap_or_else(PoisonError::into_inner);
        match checkpoint(connection, "PASSIVE") {
            Ok(copied) => shared.copied_pages.store(copied, Ordering::Relaxed),
            Err(Error::Disk(_)) => shared.failed.store(true, Ordering::Relaxed),
            // A full disk: the log keeps everything, and the next step tries again.
            Err(_) => {}
        }
    }
}

/// Runs a checkpoint; says how many pages of the log are in the database now.
fn checkpoint(connection: &Connection, mode: &str) -> Result<u32, Error> {
    let sql = format!("PRAGMA wal_checkpoint({mode})");
    let copied: i64 = connection.query_row(&sql, (), |row| row.get(2))?;
    Ok(u32::try_from(copied).unwrap_or(0))
}
