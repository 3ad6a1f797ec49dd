//! How the relay learns of commits.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::store::query::OutboxRow;

/// How many rows wait here at most. What is more stays in the outbox, where the sweep finds it.
const ROWS_MAX: usize = 1_024;

/// News of commits. Cheap to clone; ringing twice is ringing once.
#[derive(Clone, Debug)]
pub struct News(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    bell: Notify,
    /// Whether rows are brought along.
    carries: bool,
    rows: Mutex<VecDeque<OutboxRow>>,
}

impl News {
    /// News that only ring: the rows are read from the outbox.
    pub fn bell() -> Self {
        Self::new(false)
    }

    /// News that bring the rows.
    pub fn carrying() -> Self {
        Self::new(true)
    }

    fn new(carries: bool) -> Self {
        Self(Arc::new(Inner { bell: Notify::new(), carries, rows: Mutex::default() }))
    }

    /// Whether rows are brought along.
    pub fn carries(&self) -> bool {
        self.0.carries
    }

    /// Something was committed; `row` is what it left in the outbox.
    pub fn tell(&self, row: Option<OutboxRow>) {
        if let Some(row) = row {
            let mut rows = self.lock();
            if rows.len() < ROWS_MAX {
                rows.push_back(row);
            }
        }
        self.0.bell.notify_one();
    }

    /// Waits for the bell.
    pub(super) async fn rung(&self) {
        self.0.bell.notified().await;
    }

    /// Waits for rows, and takes at most `max` of them.
    pub(super) async fn rows(&self, max: usize) -> Vec<OutboxRow> {
        loop {
            {
                let mut rows = self.lock();
                if !rows.is_empty() {
                    let count = rows.len().min(max);
                    return rows.drain(..count).collect();
                }
            }
            self.rung().await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<OutboxRow>> {
        self.0.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
