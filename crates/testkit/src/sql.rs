//! Looking into a database of either store, beside the program.

use std::path::Path;
use std::str::FromStr;
use std::sync::mpsc::{Sender, channel};
use std::thread;

use rusqlite::OpenFlags;
use rusqlite::types::ValueRef;
use tokio::runtime::Builder;
use tokio_postgres::{Client, NoTls, SimpleQueryMessage};

/// A connection to a database. Its methods block, and fail the test when a statement fails.
pub enum Connection {
    /// To a file, which is only read.
    Sqlite(rusqlite::Connection),
    /// To a server.
    Postgres(Session),
}

/// A connection to a PostgreSQL on a thread of its own, so that a test can look without waiting for
/// its own runtime. A clone is the same connection.
#[derive(Clone)]
pub struct Session {
    asks: Sender<Ask>,
}

struct Ask {
    sql: String,
    answer: Sender<Result<Vec<String>, tokio_postgres::Error>>,
}

impl Connection {
    /// Opens a SQLite file, whether or not a program uses it.
    pub fn open(file: &Path) -> Self {
        let opened = rusqlite::Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY);
        Self::Sqlite(opened.unwrap_or_else(|error| panic!("{}: {error}", file.display())))
    }

    /// Connects to a PostgreSQL.
    pub fn connect(url: &str) -> Self {
        Self::Postgres(Session::open(url))
    }

    /// The first value of each row that a query gives, as text; nulls are left out.
    #[track_caller]
    pub fn column(&self, query: &str) -> Vec<String> {
        match self {
            Self::Sqlite(file) => read(file, query).unwrap_or_else(|e| panic!("{query}: {e}")),
            Self::Postgres(session) => session.run(query),
        }
    }

    /// The one value that a query gives.
    #[track_caller]
    pub fn get<T: FromStr>(&self, query: &str) -> T {
        let text = self.column(query).pop().unwrap_or_else(|| panic!("{query}: no value"));
        text.parse().unwrap_or_else(|_| panic!("{query}: {text}"))
    }

    /// The number that a query gives.
    #[track_caller]
    pub fn count(&self, query: &str) -> i64 {
        self.get(query)
    }

    /// A reservation's seat numbers in SQL, as one text with commas.
    pub const fn seat_nos(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => "seat_nos",
            Self::Postgres(_) => "array_to_string(seat_nos, ',')",
        }
    }
}

impl Session {
    /// Connects.
    pub fn open(url: &str) -> Self {
        let (asks, asked) = channel::<Ask>();
        let url = url.to_owned();
        thread::spawn(move || {
            let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
            let client = runtime.block_on(connect(&url));
            for Ask { sql, answer } in asked {
                // A failed test may not wait for its answer.
                let _ = answer.send(runtime.block_on(first_column(&client, &sql)));
            }
        });
        Self { asks }
    }

    /// Runs statements; gives the first value of each row, as text; nulls are left out.
    #[track_caller]
    pub fn run(&self, sql: &str) -> Vec<String> {
        let (answer, answered) = channel();
        self.asks.send(Ask { sql: sql.to_owned(), answer }).expect("the database's thread");
        let answer = answered.recv().expect("an answer");
        answer.unwrap_or_else(|error| panic!("{sql}: {error}: {:?}", error.as_db_error()))
    }
}

/// A connection to a PostgreSQL; it lives as long as the runtime that it was made on.
pub async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.expect("the database");
    #[expect(clippy::disallowed_methods, reason = "it ends with its client")]
    tokio::spawn(connection);
    client
}

/// Runs statements; gives the first value of each row, as text; nulls are left out.
pub(crate) async fn first_column(
    client: &Client,
    sql: &str,
) -> Result<Vec<String>, tokio_postgres::Error> {
    let value = |message: &SimpleQueryMessage| match message {
        SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
        _ => None,
    };
    Ok(client.simple_query(sql).await?.iter().filter_map(value).collect())
}

fn read(file: &rusqlite::Connection, query: &str) -> rusqlite::Result<Vec<String>> {
    let mut statement = file.prepare(query)?;
    let values = statement.query_map((), |row| {
        Ok(match row.get_ref(0)? {
            ValueRef::Integer(number) => Some(number.to_string()),
            ValueRef::Real(number) => Some(number.to_string()),
            ValueRef::Text(text) => Some(String::from_utf8_lossy(text).into_owned()),
            ValueRef::Null | ValueRef::Blob(_) => None,
        })
    });
    values?.filter_map(Result::transpose).collect()
}
