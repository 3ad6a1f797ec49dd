//! The census: after each run every seat is counted, and has to be free, held or sold.

use anyhow::ensure;
use poltrona_testkit::books;

use crate::data::Data;
use crate::house::{GROUP, House};

/// The numbers of seats and sales in a database.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Census {
    /// Seats that are free.
    free: usize,
    /// Seats that are held.
    held: usize,
    /// Seats that are sold.
    sold: usize,
    /// Reservations in any state.
    reservations: usize,
    /// Sales.
    sales: usize,
}

impl Census {
    /// Of a house of which so many seats were held and so many sold, each by a reservation of its own.
    pub(crate) const fn of_singles(house: &House, held: usize, sold: usize) -> Self {
        let groups = house.seats.div_ceil(GROUP) as usize;
        Self {
            free: house.seats_in(house.open) - held - sold,
            held: house.seats_in(house.held) + held,
            sold: house.seats_in(house.sold) + sold,
            reservations: (house.held + house.sold) as usize * groups + held + sold,
            sales: house.sold as usize * groups + sold,
        }
    }

    /// Of a house where so many reservations lapsed.
    pub(crate) const fn of_lapsed(house: &House, reservations: usize) -> Self {
        let mut census = Self::of_singles(house, 0, 0);
        census.reservations += reservations;
        census
    }

    /// Waits until all events have had their effect on the tables for reports.
    pub(crate) async fn settle(&self, data: &Data) -> anyhow::Result<()> {
        data.settle([self.held, self.sold, self.sales]).await
    }

    /// Fails unless the database holds exactly what was acknowledged, without contradictions.
    pub(crate) fn expect(&self, data: &Data) -> anyhow::Result<()> {
        let found = Self::take(data)?;
        ensure!(found == *self, "{found:?} is stored, {self:?} was acknowledged");
        Ok(())
    }

    /// Counts the seats of a house that were held during a run: those that are known, and any number of
    /// those whose outcome is unknown. Fails as [`Self::expect`] does.
    pub(crate) fn expect_held(
        house: &House,
        data: &Data,
        known: usize,
        unknown: usize,
    ) -> anyhow::Result<()> {
        let held = Self::take(data)?.held - house.seats_in(house.held);
        let range = known..=known + unknown;
        ensure!(range.contains(&held), "{held} seats are held, and {known} are known");
        Self::of_singles(house, held, 0).expect(data)
    }

    /// Fails where rows contradict each other.
    pub(crate) fn expect_sound(data: &Data) -> anyhow::Result<()> {
        let faults = books::faults(&data.open());
        ensure!(faults.is_empty(), "{}", faults.join("; "));
        Ok(())
    }

    fn take(data: &Data) -> anyhow::Result<Self> {
        Self::expect_sound(data)?;
        let database = data.open();
        let rows = |from: &str| -> usize { database.get(&format!("SELECT count(*) FROM {from}")) };
        Ok(Self {
            free: rows("seats WHERE status = 'AVAILABLE'"),
            held: rows("seats WHERE status = 'RESERVED'"),
            sold: rows("seats WHERE status = 'SOLD'"),
            reservations: rows("reservations"),
            sales: rows("sales"),
        })
    }
}
