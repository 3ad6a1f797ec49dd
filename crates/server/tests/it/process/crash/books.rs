//! The database looked at directly: what no answer over HTTP would tell.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};
use tempfile::TempDir;

/// A seat is sold exactly when a sale that stands has it, and that sale's reservation, which has the
/// seat as well, is confirmed.
const SOLD_WITHOUT_A_SALE: &str = "
    SELECT count(*) FROM seats
    LEFT JOIN sale_seats USING (session_id, seat_no)
    LEFT JOIN sales ON sales.id = sale_seats.sale_id
    LEFT JOIN reservations ON reservations.id = seats.reservation_id
    WHERE (seats.status = 'SOLD' OR sale_seats.sale_id IS NOT NULL)
      AND NOT coalesce(
        seats.status = 'SOLD' AND sale_seats.voided_at IS NULL
        AND sales.reservation_id = reservations.id AND reservations.status = 'CONFIRMED'
        AND instr(',' || reservations.seat_nos || ',', ',' || seats.seat_no || ',') > 0, 0)";
const CONFIRMED_WITHOUT_A_SALE: &str = "
    SELECT count(*) FROM reservations
    LEFT JOIN sales ON sales.reservation_id = reservations.id
    WHERE (reservations.status = 'CONFIRMED') != (sales.id IS NOT NULL)";
const SOLD_TWICE: &str = "
    SELECT count(*) FROM (
        SELECT 1 FROM sale_seats WHERE voided_at IS NULL
        GROUP BY session_id, seat_no HAVING count(*) > 1)";
/// A seat that somebody holds, by a reservation that is over.
const HELD_FOR_NOBODY: &str = "
    SELECT count(*) FROM seats LEFT JOIN reservations ON reservations.id = seats.reservation_id
    WHERE seats.status = 'RESERVED' AND reservations.status IS NOT 'PENDING'";

const STATS: &str = "
    SELECT hex(session_id), seats, held, sold, revenue_cents FROM session_stats ORDER BY 1";
const STATS_RECOUNTED: &str = "
    SELECT hex(session_id), count(*), sum(status = 'RESERVED'), sum(status = 'SOLD'),
           (SELECT coalesce(sum(total_cents), 0) FROM sales
            WHERE sales.session_id = seats.session_id)
    FROM seats GROUP BY session_id ORDER BY 1";
const HOURS: &str = "
    SELECT CAST(hour AS TEXT), sales, seats, revenue_cents, 0 FROM sales_by_hour ORDER BY 1";
const HOURS_RECOUNTED: &str = "
    SELECT CAST(paid_at / 3600000 * 3600000 AS TEXT), count(*),
           sum((SELECT count(*) FROM sale_seats WHERE sale_id = sales.id)), sum(total_cents), 0
    FROM sales GROUP BY 1 ORDER BY 1";

/// A database that is only read.
pub(super) struct Books {
    database: Connection,
    _copy: Option<TempDir>,
}

impl Books {
    /// The books of a data folder, whether or not a program uses it.
    pub(super) fn open(data: &Path) -> Self {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
        let database = Connection::open_with_flags(data.join("poltrona.db"), flags).unwrap();
        Self { database, _copy: None }
    }

    /// The books as a crash left them, looked at in a copy.
    pub(super) fn of_a_copy(folder: &Path) -> Self {
        let copy = tempfile::tempdir().unwrap();
        super::copy(&folder.join("data"), copy.path());
        let books = Self::open(copy.path());
        Self { _copy: Some(copy), ..books }
    }

    /// How many batches of events wait to be delivered.
    pub(super) fn undelivered(&self) -> i64 {
        self.count("SELECT count(*) FROM outbox")
    }

    /// How many reservations are neither paid nor over.
    pub(super) fn pending(&self) -> i64 {
        self.count("SELECT count(*) FROM reservations WHERE status = 'PENDING'")
    }

    pub(super) fn assert_sound(&self) {
        let integrity: String =
            self.database.query_row("PRAGMA integrity_check", (), |row| row.get(0)).unwrap();
        assert_eq!(integrity, "ok");
        for query in [SOLD_TWICE, SOLD_WITHOUT_A_SALE, CONFIRMED_WITHOUT_A_SALE, HELD_FOR_NOBODY] {
            assert_eq!(self.count(query), 0, "{query}");
        }
        assert!(self.count("SELECT count(*) FROM sales") > 0);
    }

    pub(super) fn assert_read_models_are_a_recount(&self) {
        assert_eq!(self.rows(STATS), self.rows(STATS_RECOUNTED));
        assert_eq!(self.rows(HOURS), self.rows(HOURS_RECOUNTED));
    }

    fn count(&self, query: &str) -> i64 {
        self.database.query_row(query, (), |row| row.get(0)).unwrap()
    }

    fn rows(&self, query: &str) -> Vec<(String, [i64; 4])> {
        let mut statement = self.database.prepare(query).unwrap();
        let rows = statement.query_map((), |row| {
            Ok((row.get(0)?, [row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?]))
        });
        rows.unwrap().collect::<Result<_, _>>().unwrap()
    }
}
