//! The census: after each run every seat is counted, and has to be somebody's or nobody's.

use anyhow::ensure;

use crate::data::Data;

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
                               GROUP BY session_id, seat_no HAVING count(*) > 1) twice",
    ),
    (
        "seats without their reservation",
        "SELECT count(*) FROM seats s
         LEFT JOIN reservations r ON r.id = s.reservation_id AND r.session_id = s.session_id
         WHERE s.status <> 'AVAILABLE'
           AND r.status IS DISTINCT FROM CASE s.status WHEN 'SOLD' THEN 'CONFIRMED' ELSE 'PENDING' END",
    ),
];

impl Census {
    /// Counts what a database holds, and fails where it contradicts itself.
    pub(crate) async fn take(data: &Data) -> anyhow::Result<Self> {
        let look = data.open().await?;
        let count = async |sql: &str| look.count(sql).await;
        let seats = async |status: &str| {
            count(&format!("SELECT count(*) FROM seats WHERE status = '{status}'")).await
        };
        let seats_named = look.seats_named();
        let named = async |status: &str| {
            let sum = format!("cast(coalesce(sum({seats_named}), 0) AS bigint)");
            count(&format!("SELECT {sum} FROM reservations WHERE status = '{status}'")).await
        };
        for (what, sql) in FAULTS {
            let found = count(sql).await?;
            ensure!(found == 0, "{found} {what}");
        }
        let census = Self {
            free: seats("AVAILABLE").await?,
            held: seats("RESERVED").await?,
            sold: seats("SOLD").await?,
            reservations: count("SELECT count(*) FROM reservations").await?,
            sales: count("SELECT count(*) FROM sales").await?,
        };
        let in_sales = count("SELECT count(*) FROM sale_seats WHERE voided_at IS NULL").await?;
        let (pending, confirmed) = (named("PENDING").await?, named("CONFIRMED").await?);
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
    pub(crate) async fn expect(data: &Data, acknowledged: &Self) -> anyhow::Result<()> {
        let found = Self::take(data).await?;
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
