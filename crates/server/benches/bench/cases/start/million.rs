//! A million seats, half of them held and half sold, written straight into the database: through
//! the API it would take minutes.

use std::path::Path;
use std::time::Duration;

use poltrona_domain::{Layout, SeatNo};
use poltrona_engine::env::clock::Clock;
use rusqlite::{Connection, Statement, Transaction};
use uuid::Uuid;

use crate::census::Census;

/// How many sessions; in the first half everything is held, in the second sold.
const SESSIONS: u32 = 100;
/// How many seats each has.
const SEATS: u16 = 10_000;
/// How many seats a reservation has.
const GROUP: u16 = 10;
/// The price of a seat, in cents.
const PRICE: i64 = 2_550;
/// How long holds last: longer than the measurement.
const HOLD: Duration = Duration::from_hours(1);
/// The first ids of each kind, far from each other: UUIDs of version 7, of years ago.
const FIRST_SESSION: u128 = 0x0180_0000_0000_7000_8000_0000_0000_0000;
const FIRST_RESERVATION: u128 = 0x0181_0000_0000_7000_8000_0000_0000_0000;
const FIRST_SALE: u128 = 0x0182_0000_0000_7000_8000_0000_0000_0000;

/// How many reservations are held.
pub(super) const RESERVATIONS_HELD: u32 = SESSIONS / 2 * SEATS as u32 / GROUP as u32;

/// Fills the database, and returns its census.
pub(super) fn fill(file: &Path) -> anyhow::Result<Census> {
    let mut database = Connection::open(file)?;
    // Nothing is acknowledged before all is on the disk.
    database.pragma_update(None, "synchronous", "OFF")?;
    database.pragma_update(None, "journal_mode", "DELETE")?;
    let tx = database.transaction()?;
    Filler::new(&tx)?.fill()?;
    tx.commit()?;
    database.pragma_update(None, "journal_mode", "WAL")?;
    database.close().map_err(|(_, error)| error)?;
    std::fs::File::open(file)?.sync_all()?;
    let half = i64::from(RESERVATIONS_HELD) * i64::from(GROUP);
    let reservations = 2 * i64::from(RESERVATIONS_HELD);
    Ok(Census { free: 0, held: half, sold: half, reservations, sales: reservations / 2 })
}

struct Filler<'a> {
    session: Statement<'a>,
    stats: Statement<'a>,
    seat: Statement<'a>,
    reservation: Statement<'a>,
    sale: Statement<'a>,
    sale_seat: Statement<'a>,
    now: i64,
    reservations: u128,
}

/// A reservation to write, and whether it is paid.
struct Group<'a> {
    session: &'a [u8],
    seats: Vec<SeatNo>,
    sold: bool,
}

impl<'a> Filler<'a> {
    fn new(tx: &'a Transaction<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            session: tx.prepare(
                "INSERT INTO sessions VALUES (?1, 'Cidade de Deus', 'Sala 1', ?2, 2550, '8/10000', ?2, NULL)",
            )?,
            stats: tx.prepare("INSERT INTO session_stats VALUES (?, ?, ?, ?, ?)")?,
            seat: tx.prepare("INSERT INTO seats VALUES (?, ?, ?, ?, ?, ?, ?)")?,
            reservation: tx.prepare("INSERT INTO reservations VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0)")?,
            sale: tx.prepare(
                "INSERT INTO sales VALUES (?1, ?2, ?3, ?4, ?5, 'Cidade de Deus', 'Sala 1', ?6, ?6)",
            )?,
            sale_seat: tx.prepare("INSERT INTO sale_seats VALUES (?, ?, ?, ?, NULL)")?,
            now: Clock::System.now().as_millis(),
            reservations: 0,
        })
    }

    fn fill(&mut self) -> rusqlite::Result<()> {
        for number in 0..SESSIONS {
            let session = Uuid::from_u128(FIRST_SESSION + (u128::from(number) << 16));
            let session = &session.as_bytes()[..];
            let sold = number >= SESSIONS / 2;
            self.session.execute((session, self.now))?;
            let seats = i64::from(SEATS);
            let (held, taken) = if sold { (0, seats) } else { (seats, 0) };
            self.stats.execute((session, seats, held, taken, taken * PRICE))?;
            let numbers: Vec<_> = (1..=SEATS).filter_map(SeatNo::new).collect();
            for seats in numbers.chunks(usize::from(GROUP)) {
                self.group(&Group { session, seats: seats.to_vec(), sold })?;
            }
        }
        Ok(())
    }

    fn group(&mut self, group: &Group<'_>) -> rusqlite::Result<()> {
        let reservation = Uuid::from_u128(FIRST_RESERVATION + self.reservations);
        let sale = Uuid::from_u128(FIRST_SALE + self.reservations);
        let (reservation, sale) = (&reservation.as_bytes()[..], &sale.as_bytes()[..]);
        let user = format!("visitor-{:06}", self.reservations);
        self.reservations += 1;
        let hold = i64::try_from(HOLD.as_millis()).unwrap_or(i64::MAX);
        // Not all in one instant, as in life.
        let until = self.now + hold + i64::try_from(self.reservations % 60_000).unwrap_or(0);
        let numbers: Vec<_> = group.seats.iter().map(|no| no.get().to_string()).collect();
        let total = PRICE * i64::from(GROUP);
        let (status, seat_status) =
            if group.sold { ("CONFIRMED", "SOLD") } else { ("PENDING", "RESERVED") };
        self.reservation.execute((
            reservation,
            group.session,
            numbers.join(","),
            &user,
            total,
            status,
            self.now,
            until,
        ))?;
        let hold_until = (!group.sold).then_some(until);
        let version = if group.sold { 2 } else { 1 };
        for no in &group.seats {
            let label = Layout::label(*no);
            self.seat.execute((
                group.session,
                no.get(),
                label,
                seat_status,
                reservation,
                hold_until,
                version,
            ))?;
            if group.sold {
                self.sale_seat.execute((group.session, no.get(), sale, PRICE))?;
            }
        }
        if group.sold {
            self.sale.execute((sale, reservation, group.session, &user, total, self.now))?;
        }
        Ok(())
    }
}
