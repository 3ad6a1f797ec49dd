//! New ids: UUIDv7, so that what is made together is stored together.

use std::sync::{Arc, Mutex, PoisonError};

use poltrona_domain::{ReservationId, SaleId, SessionId};
use uuid::{Builder, Uuid};

use super::clock::Clock;

/// A source of ids. Cheap to clone.
#[derive(Clone, Debug)]
pub enum Ids {
    /// The time and random bits.
    Random,
    /// The time and bits that follow from a seed.
    Seeded(Arc<Mutex<Seeded>>),
}

/// Bits that follow from a seed, and the parts of the last id.
#[derive(Debug)]
pub struct Seeded {
    clock: Clock,
    state: u64,
    last: (u64, u16),
}

/// How many ids differ within a millisecond; the next one bears the next millisecond.
const IDS_A_MILLISECOND: u16 = 1 << 12;

impl Ids {
    /// Ids whose bits follow from `seed`, and whose time is the clock's. Each is greater than the one
    /// before.
    pub fn seeded(seed: u64, clock: Clock) -> Self {
        Self::Seeded(Arc::new(Mutex::new(Seeded { clock, state: seed, last: (0, 0) })))
    }

    /// A fresh UUIDv7.
    pub fn fresh(&self) -> Uuid {
        match self {
            #[expect(clippy::disallowed_methods, reason = "this is the one source of ids")]
            Self::Random => Uuid::now_v7(),
            Self::Seeded(seeded) => seeded.lock().unwrap_or_else(PoisonError::into_inner).fresh(),
        }
    }

    /// A fresh session id; its seats' ids follow from it.
    pub fn session(&self) -> SessionId {
        SessionId::mint(self.fresh())
    }

    /// A fresh reservation id.
    pub fn reservation(&self) -> ReservationId {
        ReservationId::from_uuid(self.fresh())
    }

    /// A fresh sale id.
    pub fn sale(&self) -> SaleId {
        SaleId::from_uuid(self.fresh())
    }
}

impl Seeded {
    fn fresh(&mut self) -> Uuid {
        let now = u64::try_from(self.clock.now().as_millis()).unwrap_or_default();
        self.last = match self.last {
            (millis, count) if millis < now || (millis, count) == (0, 0) => (now, 0),
            (millis, count) if count + 1 < IDS_A_MILLISECOND => (millis, count + 1),
            (millis, _) => (millis + 1, 0),
        };
        let (millis, count) = self.last;
        let mut bytes = [0; 10];
        bytes[..2].copy_from_slice(&count.to_be_bytes());
        bytes[2..].copy_from_slice(&self.random().to_be_bytes());
        Builder::from_unix_timestamp_millis(millis, &bytes).into_uuid()
    }

    /// The next 64 bits, by `SplitMix64` (Steele, Lea and Flood, "Fast Splittable Pseudorandom Number
    /// Generators", 2014).
    const fn random(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.state;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use poltrona_domain::Timestamp;

    use super::*;

    #[test]
    fn equal_seeds_and_clocks_give_equal_ids_in_ascending_order() {
        let ids = |seed| {
            let clock = Clock::manual(Timestamp::from_millis(1_000));
            let ids = Ids::seeded(seed, clock.clone());
            let mut made: Vec<_> = (0..5_000).map(|_| ids.fresh()).collect();
            clock.advance(Duration::from_secs(1));
            made.push(ids.fresh());
            made
        };
        let made = ids(7);
        assert_eq!(made, ids(7));
        assert_ne!(made, ids(8));
        assert!(made.is_sorted_by(|a, b| a < b));
        assert!(made.iter().all(|id| id.get_version_num() == 7));
    }

    #[test]
    fn a_clock_that_steps_back_makes_no_id_twice() {
        let clock = Clock::manual(Timestamp::from_millis(1_000));
        let ids = Ids::seeded(7, clock.clone());
        let before = ids.fresh();
        clock.set(Timestamp::from_millis(10));
        assert!(ids.fresh() > before);
    }
}
