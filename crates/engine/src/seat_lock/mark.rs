//! The marks in Redis: a key for each seat, and who has it until when.

use std::fmt;
use std::time::Duration;

use poltrona_domain::{ReservationId, SeatId, SeatTaken, Timestamp};
use uuid::Uuid;

/// The owner of a mark that a refusal of the database left, which does not name the reservation.
pub(super) const SOMEBODY: ReservationId = ReservationId::from_uuid(Uuid::nil());

/// By how much a hold's end may differ from its mark, which was written before the database
/// decided. A greater difference shows that clocks disagree.
const TOLERANCE: Duration = Duration::from_millis(50);

/// The word for "never again" in the place of a time.
const SOLD: &str = "sold";

/// The value of a seat's key: `<reservation> <end of the hold, in ms since 1970>`, or
/// `<reservation> sold`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    /// The reservation that has the seat.
    pub(super) owner: ReservationId,
    /// When the seat may be free again; `None` once it is sold.
    pub(super) retry_at: Option<Timestamp>,
}

impl Mark {
    /// A hold.
    pub(super) const fn held(owner: ReservationId, until: Timestamp) -> Self {
        Self { owner, retry_at: Some(until) }
    }

    /// The mark of a seat that the database refused.
    pub(super) const fn of_refusal(taken: &SeatTaken) -> Self {
        Self { owner: SOMEBODY, retry_at: taken.retry_at }
    }

    /// Reads a key's value; `None` when this program did not write it.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let (owner, until) = std::str::from_utf8(bytes).ok()?.split_once(' ')?;
        let owner = ReservationId::from_uuid(Uuid::try_parse(owner).ok()?);
        let retry_at = match until {
            SOLD => None,
            millis => Some(Timestamp::from_millis(millis.parse().ok()?)),
        };
        Some(Self { owner, retry_at })
    }

    /// Whether both mean the same: sold, or held until the same time.
    pub(super) fn agrees_with(self, other: Self) -> bool {
        match (self.retry_at, other.retry_at) {
            (Some(a), Some(b)) => a.until(b).max(b.until(a)) <= TOLERANCE,
            (a, b) => a == b,
        }
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.retry_at {
            Some(until) => write!(f, "{} {}", self.owner, until.as_millis()),
            None => write!(f, "{} {SOLD}", self.owner),
        }
    }
}

/// A seat's key. The part in braces decides its slot in a cluster: a session's seats share one.
pub(super) struct Key(pub(super) SeatId);

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "seat:{{{}}}:{}", self.0.session(), self.0.no().get())
    }
}

#[cfg(test)]
mod tests {
    use poltrona_domain::{SeatNo, SessionId};

    use super::*;

    #[test]
    fn a_mark_reads_back_as_it_was_written_and_nothing_else_is_one() {
        let owner = ReservationId::from_uuid(Uuid::from_u128(7));
        let held = Mark::held(owner, Timestamp::from_millis(1_795_514_430_000));
        let sold = Mark { owner, retry_at: None };
        assert_eq!(held.to_string(), "00000000-0000-0000-0000-000000000007 1795514430000");
        assert_eq!(sold.to_string(), "00000000-0000-0000-0000-000000000007 sold");
        for mark in [held, sold] {
            assert_eq!(Mark::read(mark.to_string().as_bytes()), Some(mark));
        }
        let nil = Uuid::nil();
        for other in ["", "free", "x 1", "7 sold", &format!("{nil} "), &format!("{nil} 1 2")] {
            assert_eq!(Mark::read(other.as_bytes()), None, "{other}");
        }
        assert_eq!(Mark::read(&[0xff, b' ', b'1']), None);
    }

    #[test]
    fn marks_agree_up_to_a_tolerance() {
        let held = |until| Mark::held(SOMEBODY, Timestamp::from_millis(until));
        let sold = Mark { owner: ReservationId::from_uuid(Uuid::from_u128(7)), retry_at: None };
        assert!(sold.agrees_with(Mark { owner: SOMEBODY, ..sold }));
        for (until, agrees) in [(949, false), (950, true), (1_050, true), (1_051, false)] {
            assert_eq!(held(1_000).agrees_with(held(until)), agrees, "{until}");
        }
        assert!(!held(1_000).agrees_with(sold) && !sold.agrees_with(held(1_000)));
    }

    #[test]
    fn the_keys_of_a_session_share_a_hash_tag() {
        let session = SessionId::mint(Uuid::from_u128(1 << 64));
        let seat = session.seat(SeatNo::new(12).unwrap());
        assert_eq!(Key(seat).to_string(), "seat:{00000000-0000-0001-0000-000000000000}:12");
    }
}
