//! Copying the write-ahead log into the database, off the writer's path.
//!
//! A thread of its own copies what is committed (a passive checkpoint waits for nobody) in steps. While it
//! writes to the disk, a commit waits longer for it: a small step keeps small commits short, and a large one
//! costs less, for a page that changed often is copied once. So a step is [`STEP_COMMITS`], within limits.
//! But a log that is always written to never starts again from
//! its beginning. So past [`LIMIT_PAGES`] the thread copies without a pause, until so little is left
//! that the writer can copy it in a moment, with readers kept out, and begin the log anew. The file
//! keeps its length, because writing over blocks costs less than getting them again; one that has
//! grown far beyond the limit is truncated. The log cannot begin anew while another program reads the
//! database, a backup say, or while the disk is full: it grows on then, and nobody waits.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::hooks::Wal;
use tokio::time::Instant;
use tracing::{debug, warn};

use super::connection::{BUSY_TIMEOUT, Gate, connect};
use crate::store::error::Error;

/// A page is 4 KiB.
const PAGES_PER_MIB: u32 = 256;
/// The commits between two copies, if they make the log grow by [`LEAST_STEP_PAGES`].
const STEP_COMMITS: u32 = 24;
/// How far the log grows between two copies at least: 1 MiB.
const LEAST_STEP_PAGES: u32 = 256;
/// How far the log grows between two copies at most: 4 MiB.
const MOST_STEP_PAGES: u32 = 1_024;
/// From where on the writer would begin the log anew: 128 MiB.
const LIMIT_PAGES: u32 = 32_768;
/// How much the writer is willing to copy itself, unless the log is twice over its limit: everyone waits
/// meanwhile. 1 MiB.
const REST_PAGES: u32 = 256;
/// How far the log grows before the writer tries again, when it could not begin anew: 8 MiB.
const RETRY_PAGES: u32 = 2_048;

/// The checkpoints of one database.
pub(super) struct Checkpointer {
    wake: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
    shared: Arc<Shared>,
    gate: Gate,
    /// The log's length when a copy was last asked for, and the commits since.
    asked_at: u32,
    commits: u32,
    /// How long the log must be for the next try to begin it anew.
    restart_at: u32,
}

#[derive(Default)]
struct Shared {
    /// The log's length after the last commit, as SQLite's hook reports it.
    log_pages: AtomicU32,
    copied_pages: AtomicU32,
    /// Whether the thread was asked for a copy that has not ended: to begin the log anew, the writer would have
    /// to wait for it.
    is_copying: AtomicBool,
    failed: AtomicBool,
}

impl Checkpointer {
    /// Watches `writer` for the log's length, and starts the thread that copies, if there is to be one:
    /// without, the writer copies when it begins anew.
    pub(super) fn start(
        writer: &mut Connection,
        file: &Path,
        gate: Gate,
        on_a_thread: bool,
    ) -> Result<Self, rusqlite::Error> {
        let shared = Arc::new(Shared::default());
        let seen = Arc::clone(&shared);
        writer.wal_hook(Some(move |_: &mut Wal, pages| {
            seen.log_pages.store(u32::try_from(pages).unwrap_or(0), Ordering::Relaxed);
            Ok(())
        }))?;
        let (asked_at, commits, restart_at) = (0, 0, LIMIT_PAGES);
        if !on_a_thread {
            let (wake, thread) = (None, None);
            return Ok(Self { wake, thread, shared, gate, asked_at, commits, restart_at });
        }
        let connection = connect(file)?;
        let (wake, woken) = sync_channel(1);
        let thread = std::thread::Builder::new().name("checkpoint".to_owned()).spawn({
            let (shared, gate) = (Arc::clone(&shared), Arc::clone(&gate));
            move || copy_when_woken(&connection, &woken, &shared, &gate)
        });
        let thread =
            thread.map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
        let (wake, thread) = (Some(wake), Some(thread));
        Ok(Self { wake, thread, shared, gate, asked_at, commits, restart_at })
    }

    /// Asks for a copy, or begins the log anew, when it has grown enough.
    pub(super) fn after_commit(&mut self, writer: &Connection) -> Result<(), Error> {
        if self.shared.failed.load(Ordering::Relaxed) {
            return Err(Error::Disk("a checkpoint failed".to_owned()));
        }
        let pages = self.shared.log_pages.load(Ordering::Relaxed);
        if pages < self.asked_at {
            // All of it had been copied and nobody read from it, so that it began anew by itself.
            self.forget();
        }
        let copied = self.shared.copied_pages.load(Ordering::Relaxed);
        let rest = pages.saturating_sub(copied);
        let is_idle = !self.shared.is_copying.load(Ordering::Acquire);
        let grown = pages >= 2 * LIMIT_PAGES;
        if pages >= self.restart_at && (is_idle && rest <= REST_PAGES || grown) {
            let mode = if grown { Mode::Truncate } else { Mode::Restart };
            let why_not = match self.begin_anew(writer, mode) {
                Ok(true) => return Ok(()),
                Ok(false) => "another program reads the database".to_owned(),
                Err(error @ Error::Disk(_)) => return Err(error),
                Err(error) => error.to_string(),
            };
            let mib = pages / PAGES_PER_MIB;
            warn!(
                target: "database", mib, why_not,
                "the database's write-ahead log could not be emptied; it keeps growing"
            );
            self.restart_at = pages + RETRY_PAGES;
        }
        self.commits += 1;
        if is_idle && (self.is_a_step(pages) || pages >= self.restart_at) {
            (self.asked_at, self.commits) = (pages, 0);
            self.copy();
        }
        Ok(())
    }

    /// Whether a log of so many pages has grown enough for a copy.
    const fn is_a_step(&self, pages: u32) -> bool {
        let grown = pages.saturating_sub(self.asked_at);
        grown >= MOST_STEP_PAGES || grown >= LEAST_STEP_PAGES && self.commits >= STEP_COMMITS
    }

    /// Wakes the thread.
    fn copy(&self) {
        let Some(wake) = &self.wake else { return };
        self.shared.is_copying.store(true, Ordering::Release);
        if wake.try_send(()).is_err() {
            // It has ended.
            self.shared.is_copying.store(false, Ordering::Release);
        }
    }

    /// Begins the log anew, if it can; gives whether it did. Waits only for the program's own
    /// readers, who are quick.
    fn begin_anew(&mut self, writer: &Connection, mode: Mode) -> Result<bool, Error> {
        let started = Instant::now();
        let alone = self.gate.write().unwrap_or_else(PoisonError::into_inner);
        writer.busy_timeout(Duration::ZERO)?;
        let copy = checkpoint(writer, mode);
        writer.busy_timeout(BUSY_TIMEOUT)?;
        drop(alone);
        if copy?.blocked {
            return Ok(false);
        }
        debug!(target: "database", took = ?started.elapsed(), "the log begins anew");
        self.shared.log_pages.store(0, Ordering::Relaxed);
        self.forget();
        Ok(true)
    }

    /// The log begins anew.
    fn forget(&mut self) {
        (self.asked_at, self.commits, self.restart_at) = (0, 0, LIMIT_PAGES);
        self.shared.copied_pages.store(0, Ordering::Relaxed);
    }

    /// Ends the thread and leaves an empty log behind, if nobody else reads from it.
    pub(super) fn close(mut self, writer: &Connection) -> Result<(), Error> {
        drop(self.wake.take());
        if let Some(thread) = self.thread.take() {
            // The panic hook has already reported a panic there; the log is copied below.
            let _ = thread.join();
        }
        self.begin_anew(writer, Mode::Truncate).map(|_| ())
    }
}

fn copy_when_woken(connection: &Connection, woken: &Receiver<()>, shared: &Shared, gate: &Gate) {
    while woken.recv().is_ok() {
        let open = gate.read().unwrap_or_else(PoisonError::into_inner);
        let copied = checkpoint(connection, Mode::Passive);
        drop(open);
        match copied {
            Ok(copy) => shared.copied_pages.store(copy.pages, Ordering::Relaxed),
            Err(Error::Disk(_)) => shared.failed.store(true, Ordering::Relaxed),
            // A full disk: the log keeps everything, and the next step tries again.
            Err(_) => {}
        }
        shared.is_copying.store(false, Ordering::Release);
    }
}

/// The outcome of a checkpoint.
struct Copied {
    /// Whether a lock kept it from finishing.
    blocked: bool,
    /// How many pages of the log are in the database now.
    pages: u32,
}

/// A mode of a checkpoint, by SQLite's name: the state of the log after it was copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// Nothing; what others use meanwhile is not copied.
    Passive,
    /// It is written over from its beginning.
    Restart,
    /// It is emptied.
    Truncate,
}

/// Runs a checkpoint.
fn checkpoint(connection: &Connection, mode: Mode) -> Result<Copied, Error> {
    let sql = match mode {
        Mode::Passive => "PRAGMA wal_checkpoint(PASSIVE)",
        Mode::Restart => "PRAGMA wal_checkpoint(RESTART)",
        Mode::Truncate => "PRAGMA wal_checkpoint(TRUNCATE)",
    };
    let (blocked, pages) =
        connection.query_row(sql, (), |row| Ok((row.get::<_, bool>(0)?, row.get::<_, i64>(2)?)))?;
    Ok(Copied { blocked, pages: u32::try_from(pages).unwrap_or(0) })
}

#[cfg(test)]
mod tests {
    use super::super::connection::connect_read_only;
    use super::*;

    #[test]
    fn small_commits_are_copied_in_small_steps() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("db");
        let mut writer = connect(&file).unwrap();
        writer.pragma_update(None, "journal_mode", "WAL").unwrap();
        let gate = Gate::default();
        let mut checkpointer = Checkpointer::start(&mut writer, &file, gate, false).unwrap();
        let mut steps = |commit: u32| {
            let steps = (1..=8 * MOST_STEP_PAGES / commit).filter_map(|commits| {
                let pages = commits * commit;
                checkpointer.shared.log_pages.store(pages, Ordering::Relaxed);
                checkpointer.after_commit(&writer).unwrap();
                (checkpointer.asked_at == pages).then_some(pages)
            });
            let steps: Vec<_> = steps.collect();
            checkpointer.forget();
            steps[1] - steps[0]
        };
        assert_eq!(steps(4), LEAST_STEP_PAGES);
        assert_eq!(steps(16), STEP_COMMITS * 16);
        assert_eq!(steps(64), MOST_STEP_PAGES);
    }

    #[test]
    fn a_log_that_another_program_reads_holds_nobody_up() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("db");
        let mut writer = connect(&file).unwrap();
        writer.pragma_update(None, "journal_mode", "WAL").unwrap();
        let mut checkpointer =
            Checkpointer::start(&mut writer, &file, Gate::default(), true).unwrap();
        writer.execute_batch("CREATE TABLE t (x)").unwrap();
        // Not through the gate, for another program does not know of it.
        let reader = connect_read_only(&file).unwrap();
        reader.execute_batch("BEGIN; SELECT * FROM t").unwrap();
        writer.execute_batch("INSERT INTO t VALUES (1)").unwrap();

        let begun = Instant::now();
        assert!(!checkpointer.begin_anew(&writer, Mode::Restart).unwrap());
        // As if the log had grown past every limit.
        checkpointer.shared.log_pages.store(2 * LIMIT_PAGES, Ordering::Relaxed);
        checkpointer.after_commit(&writer).unwrap();
        assert_eq!(checkpointer.restart_at, 2 * LIMIT_PAGES + RETRY_PAGES, "not at each commit");
        assert!(begun.elapsed() < BUSY_TIMEOUT, "it waited for the reader");

        reader.execute_batch("COMMIT").unwrap();
        checkpointer.shared.log_pages.store(3 * LIMIT_PAGES, Ordering::Relaxed);
        checkpointer.after_commit(&writer).unwrap();
        assert_eq!(checkpointer.shared.log_pages.load(Ordering::Relaxed), 0, "it began anew");
        assert_eq!(checkpointer.restart_at, LIMIT_PAGES);
        checkpointer.close(&writer).unwrap();
    }
}
