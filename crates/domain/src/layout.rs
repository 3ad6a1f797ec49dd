//! The arrangement and the labels of a room's seats.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use crate::id::SeatNo;

/// The seats of a room: rows of eight, the last one possibly shorter.
///
/// Written and stored as `8/200`: rows of 8, 200 seats in all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Layout {
    seats: u16,
}

/// Why a room cannot have these seats.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LayoutError {
    /// Outside [`Layout::SEATS`].
    #[error("a room has {} to {} seats", Layout::SEATS.start(), Layout::SEATS.end())]
    SeatCount,
    /// Text that is not of the form `8/200`.
    #[error("not a layout: {0:?}")]
    Malformed(String),
}

impl Layout {
    /// Seats in a full row.
    pub const ROW: u16 = 8;
    /// How many seats a room may have.
    pub const SEATS: RangeInclusive<u16> = 16..=10_000;

    /// A room of `seats` seats in rows of eight.
    pub fn new(seats: u16) -> Result<Self, LayoutError> {
        if Self::SEATS.contains(&seats) { Ok(Self { seats }) } else { Err(LayoutError::SeatCount) }
    }

    /// How many seats the room has.
    pub const fn seats(self) -> u16 {
        self.seats
    }

    /// Whether the room has a seat of this number.
    pub const fn contains(self, no: SeatNo) -> bool {
        no.get() <= self.seats
    }

    /// Every seat number of the room, in order.
    pub fn numbers(self) -> impl Iterator<Item = SeatNo> {
        (1..=self.seats).filter_map(SeatNo::new)
    }

    /// The name on a seat: `A1` to `A8`, then `B1`, … `Z8`, `AA1`, as spreadsheets letter columns.
    pub fn label(no: SeatNo) -> String {
        let (row, place) = ((no.get() - 1) / Self::ROW, (no.get() - 1) % Self::ROW + 1);
        let mut letters = [0_u8; 4];
        let mut first = letters.len();
        let mut rest = row + 1;
        while rest > 0 {
            first -= 1;
            letters[first] = b'A' + u8::try_from((rest - 1) % 26).unwrap_or(0);
            rest = (rest - 1) / 26;
        }
        let mut label: String = letters[first..].iter().copied().map(char::from).collect();
        label.push(char::from(b'0' + u8::try_from(place).unwrap_or(0)));
        label
    }
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", Self::ROW, self.seats)
    }
}

impl FromStr for Layout {
    type Err = LayoutError;

    fn from_str(text: &str) -> Result<Self, LayoutError> {
        let malformed = || LayoutError::Malformed(text.to_owned());
        let (row, seats) = text.split_once('/').ok_or_else(malformed)?;
        if row.parse() != Ok(Self::ROW) {
            return Err(malformed());
        }
        Self::new(seats.parse().map_err(|_| malformed())?)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn label(no: u16) -> String {
        Layout::label(SeatNo::new(no).unwrap())
    }

    #[test]
    fn seats_are_named_row_by_row() {
        assert_eq!(
            ["A1", "A8", "B1"],
            [label(1), label(8), label(9)].each_ref().map(String::as_str)
        );
        assert_eq!(label(26 * 8), "Z8");
        assert_eq!(label(26 * 8 + 1), "AA1");
        assert_eq!(label(52 * 8 + 1), "BA1");
        assert_eq!(label(702 * 8), "ZZ8");
        assert_eq!(label(702 * 8 + 1), "AAA1");
        assert_eq!(label(10_000), "AVB8");
    }

    #[test]
    fn no_two_seats_share_a_name() {
        let names: HashSet<_> = (1..=SeatNo::MAX).map(label).collect();
        assert_eq!(names.len(), usize::from(SeatNo::MAX));
    }

    #[test]
    fn a_room_has_16_to_10_000_seats() {
        assert_eq!(Layout::new(15), Err(LayoutError::SeatCount));
        assert_eq!(Layout::new(10_001), Err(LayoutError::SeatCount));
        assert_eq!(Layout::new(16).unwrap().seats(), 16);
        assert_eq!(Layout::new(16).unwrap().numbers().count(), 16);
        let room = Layout::new(10_000).unwrap();
        assert_eq!(room.numbers().last(), SeatNo::new(10_000));
        assert!(room.contains(SeatNo::new(10_000).unwrap()));
        assert!(!room.contains(SeatNo::new(10_001).unwrap()));
    }

    #[test]
    fn a_layout_reads_back_as_it_was_written() {
        let room = Layout::new(200).unwrap();
        assert_eq!(room.to_string(), "8/200");
        assert_eq!("8/200".parse(), Ok(room));
        for bad in ["", "8", "9/200", "8/x", "8/15", "/200"] {
            assert!(bad.parse::<Layout>().is_err(), "{bad}");
        }
        assert_eq!(LayoutError::SeatCount.to_string(), "a room has 16 to 10000 seats");
    }
}
