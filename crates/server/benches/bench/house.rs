//! The house: sessions and their seats, with ids that are known beforehand.

use poltrona_domain::{SeatId, SeatNo, SessionId};
use uuid::Uuid;

/// How many seats a reservation has that was made before the run.
pub(crate) const GROUP: u16 = 10;
/// The id of the first session: a UUID of version 7, of years ago. The next is 2¹⁶ higher.
pub(crate) const FIRST_SESSION: u128 = 0x0180_0000_0000_7000_8000_0000_0000_0000;

/// The content of a database before a run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct House {
    /// Sessions whose seats are all free.
    pub(crate) open: u32,
    /// Sessions whose seats are all held, ten by each reservation.
    pub(crate) held: u32,
    /// Sessions that are sold out, ten seats by each sale.
    pub(crate) sold: u32,
    /// The seats of each session.
    pub(crate) seats: u16,
}

/// The order in which seats are asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Order {
    /// At random over all sessions.
    Scattered,
    /// One session after the other, so that all clients want seats of one.
    Hot,
}

impl Order {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Scattered => "scattered",
            Self::Hot => "one session at a time",
        }
    }
}

impl House {
    /// A million free seats: more than the fastest server sells in a run.
    pub(crate) const LARGE: Self = Self { open: 5_000, held: 0, sold: 0, seats: 200 };
    /// Seats enough for one client, or for reading.
    pub(crate) const SMALL: Self = Self { open: 100, held: 0, sold: 0, seats: 200 };

    /// A name that only this content has.
    pub(crate) fn name(&self) -> String {
        let Self { open, held, sold, seats } = self;
        format!("{open}-{held}-{sold}-{seats}")
    }

    /// How many sessions there are.
    pub(crate) const fn sessions(&self) -> u32 {
        self.open + self.held + self.sold
    }

    /// How many seats are in so many sessions.
    pub(crate) const fn seats_in(&self, sessions: u32) -> usize {
        sessions as usize * self.seats as usize
    }

    /// The first session, whose seats are free.
    pub(crate) const fn first_session() -> SessionId {
        SessionId::mint(Uuid::from_u128(FIRST_SESSION))
    }

    /// The first free seats in an order that is always the same, at most so many.
    pub(crate) fn free(&self, order: Order, most: usize) -> Vec<SeatId> {
        let most = most.min(self.seats_in(self.open));
        match order {
            Order::Scattered => {
                shuffled(self.seats_in(self.open), most).filter_map(|at| self.seat(at)).collect()
            }
            Order::Hot => {
                let session = shuffled(self.seats.into(), self.seats.into()).collect::<Vec<_>>();
                let firsts = (0..self.seats_in(self.open)).step_by(self.seats.into());
                let seats = firsts.flat_map(|first| session.iter().map(move |at| first + at));
                seats.take(most).filter_map(|at| self.seat(at)).collect()
            }
        }
    }

    /// Every free seat, session by session.
    pub(crate) fn in_order(&self) -> impl Iterator<Item = SeatId> {
        (0..self.seats_in(self.open)).filter_map(|at| self.seat(at))
    }

    /// The seat at a place, counted through all sessions.
    fn seat(&self, at: usize) -> Option<SeatId> {
        let seats = usize::from(self.seats);
        let session = FIRST_SESSION + (u128::try_from(at / seats).ok()? << 16);
        let no = SeatNo::new(u16::try_from(at % seats).ok()? + 1)?;
        Some(SessionId::from_uuid(Uuid::from_u128(session))?.seat(no))
    }
}

/// The first `most` of `count` numbers in an order that looks random and is always the same.
fn shuffled(count: usize, most: usize) -> impl Iterator<Item = usize> {
    let mut numbers: Vec<_> = (0..count).collect();
    (0..most).map(move |at| {
        let random = rapidhash::v3::rapidhash_v3(&at.to_le_bytes());
        let left = u64::try_from(count - at).unwrap_or(u64::MAX);
        numbers.swap(at, at + usize::try_from(random % left).unwrap_or(0));
        numbers[at]
    })
}
