//! Looking into the database, beside the API: to count, to see events go by, to get in the way.

use std::path::PathBuf;

use poltrona::store::sqlite::folder::database_in;
use rusqlite::types::FromSql;
use rusqlite::{Connection, OpenFlags};
use serde_json::Value;

use super::{Stopped, TestApp};
use crate::wait::{PATIENCE, wait_for};

/// While it lives, nothing can be written to the database.
pub(crate) struct Stall {
    // Closing it ends its transaction.
    _transaction: Connection,
}

impl TestApp {
    fn file(&self) -> PathBuf {
        database_in(&self.config.data_dir)
    }

    /// The one value that a query gives.
    #[track_caller]
    pub(crate) fn sql<T: FromSql>(&self, query: &str) -> T {
        query_one(&self.file(), query)
    }

    /// A count, for censuses.
    #[track_caller]
    pub(crate) fn count(&self, from: &str) -> i64 {
        self.sql(&format!("SELECT count(*) FROM {from}"))
    }

    /// Changes the database behind the program's back, as a fault or an onlooker would.
    pub(crate) fn tamper(&self, sql: &str) {
        tamper(&self.file(), sql);
    }

    /// Keeps a copy of every event from now on: the outbox itself is emptied as they are delivered.
    pub(crate) fn record_events(&self) {
        self.tamper(
            "CREATE TABLE story (events TEXT NOT NULL);
             CREATE TRIGGER told AFTER INSERT ON outbox BEGIN
                INSERT INTO story (events) VALUES (NEW.events);
             END",
        );
    }

    /// The events recorded so far, in the order they were committed.
    pub(crate) fn events(&self) -> Vec<Value> {
        let db = read_only(&self.file());
        let mut rows = db.prepare("SELECT events FROM story ORDER BY rowid").expect("a query");
        let rows = rows.query_map((), |row| row.get::<_, String>(0)).expect("rows");
        let batches = rows.map(|row| serde_json::from_str::<Vec<Value>>(&row.expect("a row")));
        batches.flat_map(|batch| batch.expect("an array of events")).collect()
    }

    /// The recorded events' names.
    pub(crate) fn event_names(&self) -> Vec<String> {
        let name = |event: &Value| event["type"].as_str().expect("a type").to_owned();
        self.events().iter().map(name).collect()
    }

    /// Keeps the writer waiting until the guard is dropped.
    pub(crate) fn stall(&self) -> Stall {
        let db = open(&self.file());
        db.execute_batch("BEGIN IMMEDIATE").expect("the database to itself");
        Stall { _transaction: db }
    }

    /// Waits until the program has done what was there to do: every lapse is recorded, every event
    /// delivered.
    pub(crate) async fn settle(&self) {
        let due = format!(
            "SELECT (SELECT count(*) FROM outbox) + (SELECT count(*) FROM reservations
             WHERE status = 'PENDING' AND expires_at <= {})",
            self.inner().clock.now().as_millis()
        );
        self.wait_until("all work is done", || self.sql::<i64>(&due) == 0).await;
    }

    /// Waits until work that runs beside the story has come to a point.
    pub(crate) async fn wait_until(&self, what: &str, mut condition: impl FnMut() -> bool) {
        wait_for(what, async || condition().then_some(())).await;
    }
}

impl Stopped {
    /// The one value that a query gives.
    #[track_caller]
    pub(crate) fn sql<T: FromSql>(&self, query: &str) -> T {
        query_one(&database_in(self.folder.path()), query)
    }

    /// Changes the database while nothing runs.
    pub(crate) fn tamper(&self, sql: &str) {
        tamper(&database_in(self.folder.path()), sql);
    }
}

impl Stall {
    /// Lets the writer go on.
    pub(crate) fn end(self) {
        drop(self);
    }
}

/// An id as SQL writes it.
pub(crate) fn blob(id: &str) -> String {
    format!("x'{}'", id.replace('-', ""))
}

fn open(file: &PathBuf) -> Connection {
    let db = Connection::open(file).expect("the database");
    db.busy_timeout(PATIENCE).expect("a time-out");
    db
}

fn read_only(file: &PathBuf) -> Connection {
    Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY).expect("the database")
}

fn tamper(file: &PathBuf, sql: &str) {
    open(file).execute_batch(sql).expect("tampering");
}

#[track_caller]
fn query_one<T: FromSql>(file: &PathBuf, query: &str) -> T {
    let value = read_only(file).query_row(query, (), |row| row.get(0));
    value.unwrap_or_else(|error| panic!("{query}: {error}"))
}
