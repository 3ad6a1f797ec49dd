//! Access to the database of an open box office: counts, recorded events, changes, and stalls.

use std::str::FromStr;

use serde_json::Value;

use super::test_app::TestApp;
use crate::books;
use crate::place::Stall;
use crate::wait::wait_for;

impl TestApp {
    /// The one value that a query gives.
    #[track_caller]
    pub fn sql<T: FromStr>(&self, query: &str) -> T {
        self.place().sql(query)
    }

    /// How many rows there are of these: a table, perhaps with a condition.
    #[track_caller]
    pub fn count(&self, from: &str) -> i64 {
        self.sql(&format!("SELECT count(*) FROM {from}"))
    }

    /// Fails unless seats, reservations and sales agree with each other.
    #[track_caller]
    pub fn assert_books_balance(&self) {
        assert_eq!(self.place().look(books::faults), [""; 0]);
    }

    /// Changes the database behind the program's back, as a fault or another program would.
    #[track_caller]
    pub fn tamper(&self, sql: &str) {
        self.place().tamper(sql);
    }

    /// Keeps a copy of every event from now on: the outbox itself is emptied as they are delivered.
    pub fn record_events(&self) {
        self.tamper(if self.place().is_a_folder() {
            "CREATE TABLE recorded (place INTEGER PRIMARY KEY, events TEXT NOT NULL);
             CREATE TRIGGER recorder AFTER INSERT ON outbox BEGIN
                INSERT INTO recorded (events) VALUES (NEW.events);
             END"
        } else {
            "CREATE TABLE recorded (place bigserial, events text NOT NULL);
             CREATE FUNCTION record() RETURNS trigger LANGUAGE plpgsql AS
                $$ BEGIN INSERT INTO recorded (events) VALUES (NEW.events); RETURN NULL; END $$;
             CREATE TRIGGER recorder AFTER INSERT ON outbox FOR EACH ROW EXECUTE FUNCTION record()"
        });
    }

    /// The events recorded so far, in the order they were committed.
    pub fn events(&self) -> Vec<Value> {
        let batches: String = self.sql(if self.place().is_a_folder() {
            "SELECT json_group_array(json(events) ORDER BY place) FROM recorded"
        } else {
            "SELECT coalesce(json_agg(events::json ORDER BY place), '[]') FROM recorded"
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
        self.place().stall().await
    }

    /// Waits until no work is left: every lapse is recorded, every event delivered.
    pub async fn settle(&self) {
        let due = format!(
            "SELECT (SELECT count(*) FROM outbox) + (SELECT count(*) FROM reservations
             WHERE status = 'PENDING' AND expires_at <= {})",
            self.engine().env.clock.now().as_millis()
        );
        self.wait_until("all work is done", || self.sql::<i64>(&due) == 0).await;
    }

    /// Waits until every event has left the outbox.
    pub async fn settle_outbox(&self) {
        self.wait_until("the outbox is empty", || self.count("outbox") == 0).await;
    }

    /// Waits for a condition.
    pub async fn wait_until(&self, what: &str, mut condition: impl FnMut() -> bool) {
        wait_for(what, async || condition().then_some(())).await;
    }
}
