//! The least that is durable in SQLite: one thread takes what waits, and for each sale updates the
//! seat, guarded by its version, and inserts a reservation, in one transaction.

use std::path::Path;
use std::sync::mpsc::Receiver;
use std::thread;

use poltrona_domain::SeatId;
use poltrona_engine::env::clock::Clock;
use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::sale::{HOLD, Sale};

/// How many sales share a transaction at most.
const BATCH: usize = 256;

/// Its tables.
pub(crate) const SCHEMA: &str = "
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

/// Starts the writer, with the settings of the real store and SQLite's own checkpoints.
pub(super) fn start(file: &Path, sales: Receiver<Sale>) -> anyhow::Result<()> {
    let database = Connection::open(file)?;
    database.pragma_update(None, "synchronous", "FULL")?;
    database.pragma_update(None, "cache_size", -16_384)?;
    let writer = thread::Builder::new().name("writer".to_owned());
    writer.spawn(move || write(database, &sales))?;
    Ok(())
}

/// Takes the sales that wait, and writes them in one transaction.
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
