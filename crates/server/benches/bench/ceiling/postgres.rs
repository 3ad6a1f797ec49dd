//! The least that is durable in PostgreSQL: two threads, each with a connection, take the sales
//! that wait and write them in one transaction of two round trips. The first locks the seats that
//! are still free; the second updates them, inserts the reservations, and commits.

use std::collections::HashSet;
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use futures_util::try_join;
use poltrona_domain::SeatId;
use poltrona_engine::env::clock::Clock;
use poltrona_engine::store::postgres::Target;
use tokio::runtime::Builder;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Statement};
use uuid::Uuid;

use super::sale::{HOLD, Sale};

/// How many sales share a transaction at most.
const BATCH: usize = 64;
const WORKERS: usize = 2;

/// Its tables. Pages are left half free and updates touch no index, as in the real store.
pub(crate) const SCHEMA: &str = "
    CREATE TABLE seats (
        session_id uuid NOT NULL, seat_no smallint NOT NULL, label text NOT NULL,
        status text NOT NULL, reservation_id uuid, hold_until bigint, version bigint NOT NULL,
        PRIMARY KEY (session_id, seat_no)
    ) WITH (fillfactor = 45);
    CREATE TABLE reservations (
        id uuid PRIMARY KEY, session_id uuid NOT NULL, seat_no smallint NOT NULL,
        user_id text NOT NULL, status text NOT NULL, created_at bigint NOT NULL,
        expires_at bigint NOT NULL
    );";

/// Plans are made once, by key.
const SETTINGS: &str = "SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off;
                        SET enable_hashjoin = off; SET enable_mergejoin = off; SET jit = off";

/// In the order of the key, so that two batches never wait for each other.
const LOCK: &str = "
    SELECT s.session_id, s.seat_no FROM seats s
        JOIN unnest($1::uuid[], $2::smallint[]) AS w(session_id, seat_no) USING (session_id, seat_no)
    WHERE s.version = 0 ORDER BY s.session_id, s.seat_no FOR UPDATE OF s";

const HOLD_SEATS: &str = "
    UPDATE seats s SET status = 'RESERVED', reservation_id = n.id, hold_until = $4, version = 1
    FROM unnest($1::uuid[], $2::smallint[], $3::uuid[]) AS n(session_id, seat_no, id)
    WHERE s.session_id = n.session_id AND s.seat_no = n.seat_no";

const RESERVE: &str = "
    INSERT INTO reservations
    SELECT id, session_id, seat_no, user_id, 'PENDING', $5, $6
    FROM unnest($1::uuid[], $2::uuid[], $3::smallint[], $4::text[])
        AS n(id, session_id, seat_no, user_id)";

/// A seat's key.
fn key(seat: SeatId) -> (Uuid, i16) {
    (*seat.session().as_uuid(), i16::try_from(seat.no().get()).unwrap_or(i16::MAX))
}

/// Starts the workers.
pub(super) fn start(url: &str, sales: Receiver<Sale>) -> anyhow::Result<()> {
    let (target, sales) = (Target::parse(url)?, Arc::new(Mutex::new(sales)));
    for _ in 0..WORKERS {
        let (target, sales) = (target.clone(), Arc::clone(&sales));
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let writer = thread::Builder::new().name("writer".to_owned());
        writer.spawn(move || {
            let worker = runtime.block_on(Worker::open(&target))?;
            while let Some(batch) = take(&sales) {
                runtime.block_on(worker.sell(batch))?;
            }
            anyhow::Ok(())
        })?;
    }
    Ok(())
}

/// Waits for a sale, and takes all that wait with it. The lock keeps the other thread waiting: it
/// would find no sale either.
fn take(sales: &Mutex<Receiver<Sale>>) -> Option<Vec<Sale>> {
    let sales = sales.lock().unwrap_or_else(PoisonError::into_inner);
    let mut batch = vec![sales.recv().ok()?];
    batch.extend(sales.try_iter().take(BATCH - 1));
    Some(batch)
}

struct Worker {
    client: Client,
    lock: Statement,
    hold: Statement,
    reserve: Statement,
}

impl Worker {
    async fn open(target: &Target) -> anyhow::Result<Self> {
        let client = target.connect().await?;
        client.batch_execute(SETTINGS).await?;
        let (lock, hold, reserve) =
            try_join!(client.prepare(LOCK), client.prepare(HOLD_SEATS), client.prepare(RESERVE))?;
        Ok(Self { client, lock, hold, reserve })
    }

    async fn sell(&self, batch: Vec<Sale>) -> anyhow::Result<()> {
        let client = &self.client;
        let wanted = batch.iter().map(|sale| SeatId::from_uuid(sale.wish.seat_id).map(key));
        let wanted: Vec<_> = wanted.collect();
        let (sessions, numbers): (Vec<_>, Vec<_>) = wanted.iter().flatten().copied().unzip();
        let keys: [&(dyn ToSql + Sync); 2] = [&sessions, &numbers];
        let ((), locked) =
            try_join!(client.batch_execute("BEGIN"), client.query(&self.lock, &keys))?;
        let mut free = HashSet::with_capacity(locked.len());
        for row in &locked {
            free.insert((row.try_get::<_, Uuid>(0)?, row.try_get::<_, i16>(1)?));
        }
        // Of two sales of one seat, the first gets it.
        let sold: Vec<_> =
            wanted.iter().map(|key| key.as_ref().is_some_and(|key| free.remove(key))).collect();
        let sales = || batch.iter().zip(&wanted).zip(&sold).filter(|(_, sold)| **sold);
        let (sessions, numbers): (Vec<_>, Vec<_>) =
            sales().filter_map(|((_, key), _)| *key).unzip();
        let ids: Vec<_> = sales().map(|((sale, _), _)| sale.reservation).collect();
        let users: Vec<_> = sales().map(|((sale, _), _)| sale.wish.user_id.as_str()).collect();
        let (now, until) = {
            let now = Clock::System.now();
            (now.as_millis(), now.plus(HOLD).as_millis())
        };
        let seats: [&(dyn ToSql + Sync); 4] = [&sessions, &numbers, &ids, &until];
        let reservations: [&(dyn ToSql + Sync); 6] =
            [&ids, &sessions, &numbers, &users, &now, &until];
        try_join!(
            client.execute(&self.hold, &seats),
            client.execute(&self.reserve, &reservations),
            client.batch_execute("COMMIT"),
        )?;
        for (sale, sold) in batch.into_iter().zip(sold) {
            let _ = sale.reply.send(sold);
        }
        Ok(())
    }
}
