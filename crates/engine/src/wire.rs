//! The domain's values as JSON, and back: ids, times, money and statuses.

use std::fmt;
use std::time::Duration;

use jiff::civil::DateTime;
use jiff::fmt::StdIoWrite;
use jiff::fmt::temporal::DateTimePrinter;
use poltrona_domain::{Cents, ReservationStatus, SeatId, SeatStatus, Timestamp};
use serde::{Serialize, Serializer};
use uuid::Uuid;

/// A UUID in its usual form, in lower case.
#[derive(Clone, Copy, Debug)]
pub struct Id(pub Uuid);

/// An instant in RFC 3339, UTC, with milliseconds: `2026-11-24T09:59:10.433Z`.
#[derive(Clone, Copy, Debug)]
pub struct Time(pub Timestamp);

/// The first moment of the year 1, and the last second that every zone still has in the year 9999.
const FIRST_MILLIS: i64 = -62_135_596_800_000;
const LAST_MILLIS: i64 = 253_402_207_199_999;

/// The length of [`Time`] as text.
pub(crate) const TIME_BYTES: usize = 24;

/// From the first millisecond of a day to its last.
const REST_OF_A_DAY: Duration = Duration::from_millis(86_399_999);

/// Money as a JSON number with at most two decimals: `25`, `25.5`.
#[derive(Clone, Copy, Debug)]
pub struct Money(pub Cents);

impl Serialize for Id {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.hyphenated().encode_lower(&mut Uuid::encode_buffer()))
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl Time {
    /// The text, written into `room`.
    pub(crate) fn text(self, room: &mut [u8; TIME_BYTES]) -> &str {
        const PRINTER: DateTimePrinter = DateTimePrinter::new().precision(Some(3));
        // Another program may have written a time beyond the calendar: it shows as the calendar's
        // end.
        let millis = self.0.as_millis().clamp(FIRST_MILLIS, LAST_MILLIS);
        let time = jiff::Timestamp::from_millisecond(millis).unwrap_or_default();
        // Within the calendar, all times are of this length.
        let _ = PRINTER.print_timestamp(&time, StdIoWrite(&mut room[..]));
        str::from_utf8(room).unwrap_or_default()
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text(&mut [0; TIME_BYTES]))
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.text(&mut [0; TIME_BYTES]))
    }
}

impl Serialize for Money {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.get() % 100 == 0 {
            serializer.serialize_i64(self.0.get() / 100)
        } else {
            serializer.serialize_f64(self.0.amount())
        }
    }
}

/// Reads a UUID in its usual form of 36 characters, in either case; other spellings of a UUID are
/// not ids.
pub fn parse_id(text: &str) -> Option<Uuid> {
    if text.len() == 36 { Uuid::try_parse(text).ok() } else { None }
}

/// Reads an ISO 8601 date (midnight UTC) or date-time (an offset is honoured, none means UTC), cut
/// to milliseconds. Week dates, ordinal dates, and days and seconds that do not exist are refused.
pub fn parse_time(text: &str) -> Option<Timestamp> {
    let date = text.as_bytes().get(..10)?;
    let looks_like_a_date = date.iter().enumerate().all(|(i, byte)| match i {
        4 | 7 => *byte == b'-',
        _ => byte.is_ascii_digit(),
    });
    // The library would read a time zone in brackets and ignore it; we would rather not guess. It
    // also knows offsets of up to 25:59, which no zone has and ISO 8601 does not allow.
    let offset = text.get(11..).and_then(|time| time.split_once(['+', '-']));
    let too_far = offset.and_then(|(_, hours)| hours.get(..2)).is_some_and(|hours| hours > "23");
    if !looks_like_a_date || text.contains('[') || too_far || has_leap_second(text) {
        return None;
    }
    let instant = text.parse::<jiff::Timestamp>().ok().or_else(|| {
        let civil = text.parse::<DateTime>().ok()?;
        jiff::tz::TimeZone::UTC.to_timestamp(civil).ok()
    })?;
    Some(Timestamp::from_millis(instant.as_millisecond()))
}

/// The last millisecond of the day where there is a date alone, and otherwise the instant itself.
pub fn parse_time_to_its_end(text: &str) -> Option<Timestamp> {
    const DATE_CHARS: usize = 10;
    let time = parse_time(text)?;
    Some(if text.len() == DATE_CHARS { time.plus(REST_OF_A_DAY) } else { time })
}

/// Whether a date-time names the second 60, which the library would take for the one before.
fn has_leap_second(text: &str) -> bool {
    let time = text.get(11..).unwrap_or_default();
    let end = time.find(['.', ',', '+', '-', 'Z', 'z']).unwrap_or(time.len());
    let mut digits = time[..end].bytes().filter(u8::is_ascii_digit).skip(4);
    digits.next() == Some(b'6') && digits.next() == Some(b'0')
}

/// The status that the API names so; `None` when there is none.
pub fn parse_seat_status(name: &str) -> Option<SeatStatus> {
    [SeatStatus::Available, SeatStatus::Reserved, SeatStatus::Sold]
        .into_iter()
        .find(|status| seat_status(*status) == name)
}

/// A seat's status as the API names it.
pub const fn seat_status(status: SeatStatus) -> &'static str {
    match status {
        SeatStatus::Available => "AVAILABLE",
        SeatStatus::Reserved => "RESERVED",
        SeatStatus::Sold => "SOLD",
    }
}

/// A reservation's status as the API names it.
pub const fn reservation_status(status: ReservationStatus) -> &'static str {
    match status {
        ReservationStatus::Pending => "PENDING",
        ReservationStatus::Confirmed => "CONFIRMED",
        ReservationStatus::Expired => "EXPIRED",
        ReservationStatus::Cancelled => "CANCELLED",
    }
}

/// A seat's id for JSON.
pub const fn id(seat: SeatId) -> Id {
    Id(*seat.as_uuid())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn millis(text: &str) -> Option<i64> {
        parse_time(text).map(Timestamp::as_millis)
    }

    #[test]
    fn a_date_is_midnight_utc_and_an_offset_is_honoured() {
        assert_eq!(millis("2026-03-01"), Some(1_772_323_200_000));
        assert_eq!(millis("2026-03-01T19:00:00Z"), Some(1_772_391_600_000));
        assert_eq!(millis("2026-03-01T19:00:00.000Z"), Some(1_772_391_600_000));
        assert_eq!(millis("2026-03-01T19:00"), Some(1_772_391_600_000));
        assert_eq!(millis("2026-03-01T16:00:00-03:00"), Some(1_772_391_600_000));
        assert_eq!(millis("2026-03-01T19:00:00.123999Z"), Some(1_772_391_600_123));
    }

    #[test]
    fn a_day_that_does_not_exist_is_no_date() {
        for text in [
            "",
            "2026-02-30",
            "2026-13-01",
            "2026-W10-7",
            "2026-060",
            "20260301",
            "amanhã",
            "2026-03-01T25:00:00Z",
            "2026-03-01T19:00:00Z[UTC]",
            "1772391600000",
            "2026-03-01 x",
            "2026-03-01T12:00:60Z",
            "2026-03-01T23:59:60.5+01:00",
            "2026-03-01T120060Z",
        ] {
            assert_eq!(millis(text), None, "{text}");
        }
    }

    #[test]
    fn the_end_of_a_day_is_its_last_millisecond() {
        let end = |text| parse_time_to_its_end(text).map(|time| Time(time).to_string());
        assert_eq!(end("2026-12-24").as_deref(), Some("2026-12-24T23:59:59.999Z"));
        assert_eq!(end("2026-12-24T19:00:00Z").as_deref(), Some("2026-12-24T19:00:00.000Z"));
        assert_eq!(end("2026-02-30"), None);
    }

    #[test]
    fn a_time_beyond_the_calendar_shows_as_its_end() {
        let shown = |millis| Time(Timestamp::from_millis(millis)).to_string();
        assert_eq!(shown(i64::MAX), "9999-12-30T21:59:59.999Z");
        assert_eq!(shown(i64::MIN), "0001-01-01T00:00:00.000Z");
    }

    #[test]
    fn a_time_shows_its_milliseconds_even_when_they_are_zero() {
        assert_eq!(
            Time(Timestamp::from_millis(1_772_391_600_000)).to_string(),
            "2026-03-01T19:00:00.000Z"
        );
        assert_eq!(
            Time(Timestamp::from_millis(1_772_391_600_007)).to_string(),
            "2026-03-01T19:00:00.007Z"
        );
    }

    #[test]
    fn money_is_a_number_without_needless_decimals() {
        let json = |cents| serde_json::to_string(&Money(Cents::new(cents))).unwrap();
        assert_eq!([json(2_500), json(2_550), json(2_999), json(0)], ["25", "25.5", "29.99", "0"]);
        assert_eq!(json(9_999_999_999), "99999999.99");
    }

    #[test]
    fn an_id_has_one_spelling_in_either_case() {
        let text = "01900000-0000-7000-8000-00000010000a";
        assert!(parse_id(text).is_some());
        assert_eq!(parse_id(text), parse_id(&text.to_uppercase()));
        for other in
            ["0190000000007000800000000010000a", "{01900000-0000-7000-8000-00000010000a}", "", "x"]
        {
            assert_eq!(parse_id(other), None, "{other}");
        }
    }
}
