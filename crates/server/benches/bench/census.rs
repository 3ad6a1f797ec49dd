//! The census: after each run every seat is counted, and has to be free, held or sold.

use anyhow::ensure;
use poltrona_testkit::books;

use crate::data::Data;

/// The numbers of seats and sales in a database.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Census {
    /// Seats that are free.
    pub(crate) free: i64,
    /// Seats that are held.
    pub(crate) held: i64,
    /// Seats that are sold.
    pub(crate) sold: i64,
    /// Reservations in any state.
    pub(crate) reservations: i64,
    /// Sales.
    pub(crate) sales: i64,
}

impl Census {
    /// Counts the rows of a database, and fails where they contradict each other.
    pub(crate) fn take(data: &Data) -> anyhow::Result<Self> {
        let database = data.open();
        let faults = books::faults(&database);
        ensure!(faults.is_empty(), "{}", faults.join("; "));
        let rows = |from: &str| database.count(&format!("SELECT count(*) FROM {from}"));
        Ok(Self {
            free: rows("seats WHERE status = 'AVAILABLE'"),
            held: rows("seats WHERE status = 'RESERVED'"),
            sold: rows("seats WHERE status = 'SOLD'"),
            reservations: rows("reservations"),
            sales: rows("sales"),
        })
    }

    /// Fails unless the database holds exactly what was acknowledged.
    pub(crate) fn expect(data: &Data, acknowledged: &Self) -> anyhow::Result<()> {
        let found = Self::take(data)?;
        ensure!(found == *acknowledged, "{found:?} is stored, {acknowledged:?} was acknowledged");
        Ok(())
    }

    /// The census of `seats` seats, of which some are held and some sold, each in a reservation
    /// of its own.
    pub(crate) fn of_singles(seats: i64, held: usize, sold: usize) -> anyhow::Result<Self> {
        let (held, sold) = (i64::try_from(held)?, i64::try_from(sold)?);
        Ok(Self { free: seats - held - sold, held, sold, reservations: held + sold, sales: sold })
    }
}
