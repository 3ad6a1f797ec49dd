//! Looking into the database, beside the API: to count, to see events go by, to get in the way.

use std::path::Path;
use std::str::FromStr;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};
use serde_json::Value;

use super::{Place, Stopped, TestApp};
use crate::wait::{PATIENCE, wait_for};

/// Every table that the program writes to.
const TABLES: &str = "sessions, seats, reservations, sales, sale_seats, outbox, idempotency, inbox, \
                      session_stats, sales_by_hour";

/// While it lives, nothing can be written to the database.
pub enum Stall {
    /// Closing it ends its transaction.
    Sqlite { _transaction: Connection },
    /// The same.
    Postgres { _transaction: Box<tokio_postgres::Client> },
}

impl Place {
    /// The one value that a query gives.
    #[track_caller]
    pub fn sql<T: FromStr>(&self, query: &str) -> T {
        let text = match (self.file(), self.database()) {
            (Some(file), _) => query_one(&file, query),
            (None, Some(database)) => database.run(query),
            (None, None) => None,
        };
        let text = text.unwrap_or_else(|| panic!("{query}: no value"));
        text.parse().unwrap_or_else(|_| panic!("{query}: {text}"))
    }

    /// Changes the database behind the program's back, as a fault or an onlooker would.
    #[track_caller]
    pub fn tamper(&self, sql: &str) {
        if let Some(file) = self.file() {
            open(&file).execute_batch(sql).expect("tampering");
        } else if let Some(database) = self.database() {
            database.run(sql);
        }
    }

    /// Makes a kind of statement (`INSERT`, `DELETE`) fail on a table.
    pub fn forbid(&self, statement: &str, table: &str) {
        self.tamper(&if self.database().is_some() {
            format!(
                "CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
                    $$ BEGIN RAISE EXCEPTION 'forbidden' USING ERRCODE = '23000'; END $$;
                 CREATE TRIGGER forbidden BEFORE {statement} ON {table}
                    FOR EACH ROW EXECUTE FUNCTION refuse()"
            )
        } else {
            format!(
                "CREATE TRIGGER forbidden BEFORE {statement} ON {table}
                    BEGIN SELECT RAISE(ABORT, 'forbidden'); END"
            )
        });
    }

    /// Lets it succeed again.
    pub fn allow(&self, table: &str) {
        self.tamper(&if self.database().is_some() {
            format!("DROP TRIGGER forbidden ON {table}")
        } else {
            "DROP TRIGGER forbidden".to_owned()
        });
    }
}

/// What a server can be asked, and a file cannot.
impl Place {
    /// Keeps what this statement locks locked until the guard is dropped.
    pub async fn keep_locked(&self, sql: &str) -> Stall {
        let server = self.database().expect("it is on a server");
        let transaction = super::place::connect(server.url()).await;
        transaction.batch_execute(&format!("BEGIN; {sql}")).await.expect("a lock");
        Stall::Postgres { _transaction: Box::new(transaction) }
    }

    /// How many connections wait for a lock that another has.
    pub fn waiting(&self) -> i64 {
        self.sql(
            "SELECT count(*) FROM pg_stat_activity
             WHERE datname = current_database() AND wait_event_type = 'Lock'",
        )
    }

    /// Cuts every connection of the program's, and waits until they have ended.
    pub fn cut_connections(&self) {
        self.tamper(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
             WHERE datname = current_database() AND application_name = 'poltrona'",
        );
    }

    /// The server's clock, in milliseconds.
    pub fn servers_millis(&self) -> i64 {
        self.sql("SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint")
    }
}

/// What SQL writes differently from one store to the other.
impl Place {
    /// An id.
    pub fn id(&self, id: &str) -> String {
        if self.database().is_some() {
            format!("'{id}'::uuid")
        } else {
            format!("x'{}'", id.replace('-', ""))
        }
    }

    /// Bytes, given in hexadecimal.
    pub fn bytes(&self, hex: &str) -> String {
        if self.database().is_some() { format!("'\\x{hex}'") } else { format!("x'{hex}'") }
    }

    /// A reservation's seat numbers, as one text with commas.
    pub const fn seat_nos(&self) -> &'static str {
        if self.database().is_some() { "array_to_string(seat_nos, ',')" } else { "seat_nos" }
    }
}

impl TestApp {
    /// Where the data are.
    pub fn place(&self) -> &Place {
        self.place.as_ref().expect("it has a place")
    }

    /// The one value that a query gives.
    #[track_caller]
    pub fn sql<T: FromStr>(&self, query: &str) -> T {
        self.place().sql(query)
    }

    /// A count, for censuses.
    #[track_caller]
    pub fn count(&self, from: &str) -> i64 {
        self.sql(&format!("SELECT count(*) FROM {from}"))
    }

    /// Changes the database behind the program's back, as a fault or an onlooker would.
    #[track_caller]
    pub fn tamper(&self, sql: &str) {
        self.place().tamper(sql);
    }

    /// Keeps a copy of every event from now on: the outbox itself is emptied as they are delivered.
    pub fn record_events(&self) {
        self.tamper(if self.place().database().is_some() {
            "CREATE TABLE story (place bigserial, events text NOT NULL);
             CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS
                $$ BEGIN INSERT INTO story (events) VALUES (NEW.events); RETURN NULL; END $$;
             CREATE TRIGGER told AFTER INSERT ON outbox FOR EACH ROW EXECUTE FUNCTION tell()"
        } else {
            "CREATE TABLE story (place INTEGER PRIMARY KEY, events TEXT NOT NULL);
             CREATE TRIGGER told AFTER INSERT ON outbox BEGIN
                INSERT INTO story (events) VALUES (NEW.events);
             END"
        });
    }

    /// The events recorded so far, in the order they were committed.
    pub fn events(&self) -> Vec<Value> {
        let batches: String = self.sql(if self.place().database().is_some() {
            "SELECT coalesce(json_agg(events::json ORDER BY place), '[]') FROM story"
        } else {
            "SELECT json_group_array(json(events) ORDER BY place) FROM story"
        });
        let batches: Vec<Vec<Value>> = serde_json::from_str(&batches).expect("arrays of events");
        batches.into_iter().flatten().collect()
    }

    /// The recorded events' names.
    pub fn event_names(&self) -> Vec<String> {
        let name = |event: &Value| event["type"].as_str().expect("a type").to_owned();
        self.events().iter().map(name).collect()
    }

    /// Keeps the ledger waiting until the guard is dropped.
    pub async fn stall(&self) -> Stall {
        let Some(file) = self.place().file() else {
            let lock = format!("LOCK TABLE {TABLES} IN EXCLUSIVE MODE");
            return self.place().keep_locked(&lock).await;
        };
        let transaction = open(&file);
        transaction.execute_batch("BEGIN IMMEDIATE").expect("the database to itself");
        Stall::Sqlite { _transaction: transaction }
    }

    /// Waits until the program has done what was there to do: every lapse is recorded, every event
    /// delivered.
    pub async fn settle(&self) {
        let due = format!(
            "SELECT (SELECT count(*) FROM outbox) + (SELECT count(*) FROM reservations
             WHERE status = 'PENDING' AND expires_at <= {})",
            self.engine().env.clock.now().as_millis()
        );
        self.wait_until("all work is done", || self.sql::<i64>(&due) == 0).await;
    }

    /// Waits until what happened is on its way to every consumer.
    pub async fn settle_outbox(&self) {
        self.wait_until("the outbox is empty", || self.count("outbox") == 0).await;
    }

    /// Waits for a condition.
    pub async fn wait_until(&self, what: &str, mut condition: impl FnMut() -> bool) {
        wait_for(what, async || condition().then_some(())).await;
    }
}

impl Stopped {
    /// Where the data are.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// The one value that a query gives.
    #[track_caller]
    pub fn sql<T: FromStr>(&self, query: &str) -> T {
        self.place.sql(query)
    }

    /// Changes the database while nothing runs.
    #[track_caller]
    pub fn tamper(&self, sql: &str) {
        self.place.tamper(sql);
    }
}

impl Stall {
    /// Lets the ledger go on.
    pub fn end(self) {
        drop(self);
    }
}

fn open(file: &Path) -> Connection {
    let db = Connection::open(file).expect("the database");
    db.busy_timeout(PATIENCE).expect("a time-out");
    db
}

#[track_caller]
fn query_one(file: &Path, query: &str) -> Option<String> {
    let db = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY);
    let db = db.expect("the database");
    let value = db.query_row(query, (), |row| {
        Ok(match row.get_ref(0)? {
            ValueRef::Integer(number) => Some(number.to_string()),
            ValueRef::Real(number) => Some(number.to_string()),
            ValueRef::Text(text) => Some(String::from_utf8_lossy(text).into_owned()),
            ValueRef::Null | ValueRef::Blob(_) => None,
        })
    });
    value.unwrap_or_else(|error| panic!("{query}: {error}"))
}
