//! The census: after each run every seat is counted, and has to be somebody's or nobody's.

use std::path::Path;

use anyhow::ensure;
use rusqlite::{Connection, OpenFlags};

/// What a database holds.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Census {
    /// Seats that are free.
    pub(crate) free: i64,
    /// Seats that are held.
    pub(crate) held: i64,
    /// Seats that are sold.
    pub(crate) sold: i64,
    /// Reservations, whatever became of them.
    pub(crate) reservations: i64,
    /// Sales.
    pub(crate) sales: i64,
}

/// What must be nowhere: a seat with two sales that stand; a seat whose reservation is not there, is
/// for another session, or is not in the state that the seat says.
const FAULTS: [(&str, &str); 2] = [
    (
        "seats sold twice",
        "SELECT count(*) FROM (SELECT 1 FROM sale_seats WHERE voided_at IS NULL
                               GROUP BY session_id, seat_no HAVING count(*) > 1)",
    ),
    (
        "seats without their reservation",
        "SELECT count(*) FROM seats s
         LEFT JOIN reservations r ON r.id = s.reservation_id AND r.session_id = s.session_id
         WHERE s.status <> 'AVAILABLE'
           AND r.status IS NOT CASE s.status WHEN 'SOLD' THEN 'CONFIRMED' ELSE 'PENDING' END",
    ),
];

/// How many seats the reservations of a status name.
const NAMED: &str =
    "SELECT coalesce(sum(1 + length(seat_nos) - length(replace(seat_nos, ',', ''))), 0)
                     FROM reservations WHERE status = ?";

impl Census {
    /// Counts what a database holds, and fails where it contradicts itself.
    pub(crate) fn take(file: &Path) -> anyhow::Result<Self> {
        let database = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        let count = |sql: &str| database.query_row(sql, (), |row| row.get::<_, i64>(0));
        let seats = |status: &str| {
            let sql = "SELECT count(*) FROM seats WHERE status = ?";
            database.query_row(sql, [status], |row| row.get::<_, i64>(0))
        };
        let named = |status: &str| database.query_row(NAMED, [status], |row| row.get::<_, i64>(0));
        for (what, sql) in FAULTS {
            let found = count(sql)?;
            ensure!(found == 0, "{found} {what}");
        }
        let census = Self {
            free: seats("AVAILABLE")?,
            held: seats("RESERVED")?,
            sold: seats("SOLD")?,
            reservations: count("SELECT count(*) FROM reservations")?,
            sales: count("SELECT count(*) FROM sales")?,
        };
        let in_sales = count("SELECT count(*) FROM sale_seats WHERE voided_at IS NULL")?;
        let (pending, confirmed) = (named("PENDING")?, named("CONFIRMED")?);
        ensure!(census.held == pending, "{} seats held, {pending} by reservations", census.held);
        ensure!(
            census.sold == confirmed,
            "{} seats sold, {confirmed} by reservations",
            census.sold
        );
        ensure!(census.sold == in_sales, "{} seats sold, {in_sales} by sales", census.sold);
        Ok(census)
    }

    /// Fails unless the database holds exactly what was acknowledged.
    pub(crate) fn expect(file: &Path, acknowledged: &Self) -> anyhow::Result<()> {
        let found = Self::take(file)?;
        ensure!(found == *acknowledged, "{found:?} is stored, {acknowledged:?} was acknowledged");
        Ok(())
    }

    /// What is to be found in `seats` seats of which some are held, and some sold, one a
    /// reservation.
    pub(crate) fn of_singles(seats: i64, held: usize, sold: usize) -> anyhow::Result<Self> {
        let (held, sold) = (i64::try_from(held)?, i64::try_from(sold)?);
        Ok(Self { free: seats - held - sold, held, sold, reservations: held + sold, sales: sold })
    }
}
