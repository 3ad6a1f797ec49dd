//! A database of a story's own, and a second way into it, beside the program.

use std::sync::mpsc::{Sender, channel};
use std::thread;

use tokio::runtime::Builder;
use tokio_postgres::{Client, NoTls, SimpleQueryMessage};

use crate::engines::{self, Database};

/// A database, with a connection that a story looks through. It has a thread of its own, so that a
/// story can look without waiting for its own runtime.
pub struct Server {
    database: Database,
    asks: Sender<Ask>,
}

struct Ask {
    sql: String,
    answer: Sender<Result<Option<String>, String>>,
}

impl Server {
    pub(super) async fn new() -> Self {
        let database = engines::database().await;
        let (asks, asked) = channel::<Ask>();
        let url = database.url().to_owned();
        thread::spawn(move || {
            let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
            let client = runtime.block_on(connect(&url));
            for Ask { sql, answer } in asked {
                // A story that failed does not wait for its answer.
                let _ = answer.send(runtime.block_on(ask(&client, &sql)));
            }
        });
        Self { database, asks }
    }

    /// Where it is.
    pub fn url(&self) -> &str {
        self.database.url()
    }

    /// Runs statements; the first value of the last row that they give, as text.
    #[track_caller]
    pub fn run(&self, sql: &str) -> Option<String> {
        let (answer, answered) = channel();
        self.asks.send(Ask { sql: sql.to_owned(), answer }).expect("the database's thread");
        let answer = answered.recv().expect("an answer");
        answer.unwrap_or_else(|error| panic!("{sql}: {error}"))
    }
}

/// A connection; it lives as long as the runtime that it was made on.
pub async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.expect("the database");
    #[expect(clippy::disallowed_methods, reason = "it ends with its client")]
    tokio::spawn(connection);
    client
}

async fn ask(client: &Client, sql: &str) -> Result<Option<String>, String> {
    let messages = client.simple_query(sql).await;
    let messages = messages.map_err(|error| format!("{error}: {:?}", error.as_db_error()))?;
    let value = |message: &SimpleQueryMessage| match message {
        SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
        _ => None,
    };
    Ok(messages.iter().rev().find_map(value))
}
