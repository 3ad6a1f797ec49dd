//! The ceiling: the least work that gives the same answers, to see how much ours costs beside it.
//!
//! A server over the same HTTP libraries that answers ready bytes, parses and forgets, or sells a
//! seat with the least that is durable: one thread takes what waits, and for each sale updates the
//! seat, guarded by its version, and inserts a reservation, in one transaction. It validates
//! nothing, keeps no history, tells nobody, and logs nothing.

use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::serve::ListenerExt as _;
use bytes::Bytes;
use http::{StatusCode, header};
use poltrona::clock::Clock;
use poltrona::ids;
use poltrona::wire::Time;
use poltrona_domain::SeatId;
use rusqlite::{Connection, Transaction, TransactionBehavior};
use serde::Deserialize;
use tokio::sync::oneshot;
use uuid::Uuid;

/// The argument that makes this program the ceiling's server.
pub(crate) const ARGUMENT: &str = "ceiling-server";

/// How many sales share a transaction at most.
const BATCH: usize = 256;
/// How long a seat is held.
const HOLD: Duration = Duration::from_secs(30);
/// Of the size of the real answer to `GET /health`.
const HELLO: &str = r#"{"status":"ok","timestamp":"2026-11-24T09:59:10.433Z","service":"poltrona","version":"0.1.0"}"#;

const SCHEMA: &str = "
    CREATE TABLE seats (
        session_id BLOB NOT NULL, seat_no INTEGER NOT NULL, label TEXT NOT NULL,
        status TEXT NOT NULL, reservation_id BLOB, hold_until INTEGER, version INTEGER NOT NULL,
        PRIMARY KEY (session_id, seat_no)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE reservations (
        id BLOB PRIMARY KEY, session_id BLOB NOT NULL, seat_no INTEGER NOT NULL,
        user_id TEXT NOT NULL, status TEXT NOT NULL, created_at INTEGER NOT NULL,
        expires_at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;";

/// Makes a database file with these seats, all free.
pub(crate) fn prepare(file: &Path, seats: impl Iterator<Item = SeatId>) -> anyhow::Result<()> {
    let mut database = Connection::open(file)?;
    database.pragma_update(None, "journal_mode", "WAL")?;
    database.execute_batch(SCHEMA)?;
    let tx = database.transaction()?;
    {
        let mut insert =
            tx.prepare("INSERT INTO seats VALUES (?, ?, 'A1', 'AVAILABLE', NULL, NULL, 0)")?;
        for seat in seats {
            insert.execute((&seat.session().as_uuid().as_bytes()[..], seat.no().get()))?;
        }
    }
    tx.commit()?;
    // Closing the last connection folds the log in: the file alone is the database.
    database.close().map_err(|(_, error)| error)?;
    Ok(())
}

/// Counts the seats that are held, and the reservations.
pub(crate) fn count(file: &Path) -> rusqlite::Result<(i64, i64)> {
    let held = "SELECT count(*) FROM seats WHERE status = 'RESERVED' AND version = 1";
    let sql = format!("SELECT ({held}), (SELECT count(*) FROM reservations)");
    Connection::open(file)?.query_row(&sql, (), |row| Ok((row.get(0)?, row.get(1)?)))
}

struct Sale {
    reservation: Uuid,
    wish: Wish,
    reply: oneshot::Sender<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wish {
    seat_id: Uuid,
    user_id: String,
}

#[derive(Clone)]
struct Ceiling {
    sales: Sender<Sale>,
    bytes: Bytes,
}

/// Serves until killed. `arguments`: the port, the database file, the size of `/bytes`.
pub(crate) fn serve(arguments: &[String]) -> anyhow::Result<()> {
    let [port, file, size] = arguments else { anyhow::bail!("PORT FILE BYTES") };
    let port: u16 = port.parse()?;
    let database = connect(Path::new(file))?;
    let (sales, waiting) = channel();
    std::thread::Builder::new()
        .name("writer".to_owned())
        .spawn(move || write(database, &waiting))?;
    let ceiling = Ceiling { sales, bytes: vec![b'x'; size.parse()?].into() };
    let router = Router::new()
        .route("/hello", get(async || json(StatusCode::OK, HELLO)))
        .route(
            "/bytes",
            get(async |State(ceiling): State<Ceiling>| json(StatusCode::OK, ceiling.bytes)),
        )
        .route("/parse", post(parse))
        .route("/reservations", post(reserve))
        .with_state(ceiling);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
        let listener = listener.tap_io(|stream| {
            let _ = stream.set_nodelay(true);
        });
        axum::serve(listener, router).await.context("serving")
    })
}

/// With the settings of the real store, and SQLite's own checkpoints.
fn connect(file: &Path) -> rusqlite::Result<Connection> {
    let database = Connection::open(file)?;
    database.pragma_update(None, "synchronous", "FULL")?;
    database.pragma_update(None, "cache_size", -65_536)?;
    Ok(database)
}

async fn parse(body: Bytes) -> Response {
    let Ok(wish) = serde_json::from_slice(&body) else { return refused() };
    sold(ids::fresh(), &wish)
}

async fn reserve(State(ceiling): State<Ceiling>, body: Bytes) -> Response {
    let Ok(wish) = serde_json::from_slice::<Wish>(&body) else { return refused() };
    let (reservation, (reply, outcome)) = (ids::fresh(), oneshot::channel());
    let answer = Wish { seat_id: wish.seat_id, user_id: wish.user_id.clone() };
    // A writer that has ended answers nobody, which is refused just below.
    let _ = ceiling.sales.send(Sale { reservation, wish, reply });
    if outcome.await.unwrap_or(false) { sold(reservation, &answer) } else { refused() }
}

/// An answer of the real one's size.
fn sold(reservation: Uuid, wish: &Wish) -> Response {
    let (seat, user, now) = (wish.seat_id, &wish.user_id, Clock::System.now());
    let body = format!(
        r#"{{"id":"{reservation}","seatId":"{seat}","userId":"{user}","status":"PENDING","expiresAt":"{}","createdAt":"{}","sessionId":"{seat}","seatIds":["{seat}"],"seatNumbers":["A1"],"total":25.5}}"#,
        Time(now.plus(HOLD)),
        Time(now),
    );
    json(StatusCode::CREATED, body)
}

fn refused() -> Response {
    json(StatusCode::CONFLICT, "{}")
}

fn json(status: StatusCode, body: impl Into<Bytes>) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json; charset=utf-8")], body.into())
        .into_response()
}

/// Takes what waits, and writes it in one transaction.
fn write(mut database: Connection, sales: &Receiver<Sale>) -> rusqlite::Result<()> {
    let mut batch = Vec::with_capacity(BATCH);
    while let Ok(first) = sales.recv() {
        batch.push(first);
        batch.extend(sales.try_iter().take(BATCH - 1));
        let tx = database.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let done: Vec<_> = batch.iter().map(|sale| sell(&tx, sale)).collect::<Result<_, _>>()?;
        tx.commit()?;
        for (sale, done) in batch.drain(..).zip(done) {
            let _ = sale.reply.send(done);
        }
    }
    Ok(())
}

fn sell(tx: &Transaction<'_>, sale: &Sale) -> rusqlite::Result<bool> {
    let Some(seat) = SeatId::from_uuid(sale.wish.seat_id) else { return Ok(false) };
    let (session, now) = (seat.session(), Clock::System.now());
    let session = &session.as_uuid().as_bytes()[..];
    let reservation = &sale.reservation.as_bytes()[..];
    let until = now.plus(HOLD).as_millis();
    let mut hold = tx.prepare_cached(
        "UPDATE seats SET status = 'RESERVED', reservation_id = ?, hold_until = ?, version = 1
         WHERE session_id = ? AND seat_no = ? AND version = 0",
    )?;
    if hold.execute((reservation, until, session, seat.no().get()))? == 0 {
        return Ok(false);
    }
    tx.prepare_cached("INSERT INTO reservations VALUES (?, ?, ?, ?, 'PENDING', ?, ?)")?.execute(
        (reservation, session, seat.no().get(), &sale.wish.user_id, now.as_millis(), until),
    )?;
    Ok(true)
}
