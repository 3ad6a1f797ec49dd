//! Numbers as people read them.

/// With a comma after every third digit: `1,234,567`.
pub(crate) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Short enough for a line that must not grow: `981`, `12.3k`, `4.56M`.
#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
pub(crate) fn compact(number: u64) -> String {
    match number {
        0..1_000 => number.to_string(),
        // Below these limits the next unit up would be reached by rounding.
        1_000..999_500 => format!("{}k", three_digits(number as f64 / 1e3)),
        999_500..999_500_000 => format!("{}M", three_digits(number as f64 / 1e6)),
        _ => format!("{}G", three_digits(number as f64 / 1e9)),
    }
}

/// Microseconds in the unit that fits, with three digits: `870 µs`, `8.13 ms`, `1.24 s`.
#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
pub(crate) fn latency(micros: u64) -> String {
    match micros {
        0..1_000 => format!("{micros} µs"),
        1_000..999_500 => format!("{} ms", three_digits(micros as f64 / 1e3)),
        _ => format!("{} s", three_digits(micros as f64 / 1e6)),
    }
}

/// A latency that may not have been measured.
pub(crate) fn maybe_latency(micros: Option<u64>) -> String {
    micros.map_or_else(|| "–".to_owned(), latency)
}

/// A round count on an axis: `500`, `20k`.
pub(crate) fn round_count(number: u64) -> String {
    match number {
        1_000_000.. if number.is_multiple_of(100_000) => format!("{}M", tenths(number / 100_000)),
        1_000.. if number.is_multiple_of(100) => format!("{}k", tenths(number / 100)),
        _ => thousands(number),
    }
}

/// A round latency on an axis: `20 ms`.
pub(crate) fn round_latency(micros: f64) -> String {
    match micros {
        ..1e3 => format!("{micros:.0} µs"),
        ..1e6 => format!("{:.0} ms", micros / 1e3),
        _ => format!("{:.0} s", micros / 1e6),
    }
}

fn tenths(number: u64) -> String {
    match number % 10 {
        0 => thousands(number / 10),
        tenth => format!("{}.{tenth}", thousands(number / 10)),
    }
}

/// A rate: one decimal while it is small.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "rates are not below 0"
)]
pub(crate) fn rate(per_second: f64) -> String {
    if per_second < 100.0 {
        format!("{per_second:.1}")
    } else {
        thousands(per_second.round() as u64)
    }
}

/// A count and its noun: `1 seat`, `2 seats`.
pub(crate) fn count(number: u64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", thousands(number))
}

fn three_digits(number: f64) -> String {
    // The limits are those at which fewer decimals round up to one digit more.
    let decimals = match number {
        ..9.995 => 2,
        ..99.95 => 1,
        _ => 0,
    };
    format!("{number:.decimals$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_set_apart() {
        let read = [0, 999, 1_000, 999_999, 1_234_567].map(thousands);
        assert_eq!(read, ["0", "999", "1,000", "999,999", "1,234,567"]);
    }

    #[test]
    fn a_compact_number_has_at_most_five_letters() {
        let read = [999, 1_000, 12_345, 999_499, 999_500, 4_561_000, 2_000_000_000].map(compact);
        assert_eq!(read, ["999", "1.00k", "12.3k", "999k", "1.00M", "4.56M", "2.00G"]);
    }

    #[test]
    fn latencies_choose_their_unit() {
        let read = [0, 870, 8_134, 9_996, 81_340, 813_400, 999_500, 61_000_000].map(latency);
        let expected =
            ["0 µs", "870 µs", "8.13 ms", "10.0 ms", "81.3 ms", "813 ms", "1.00 s", "61.0 s"];
        assert_eq!(read, expected);
        assert_eq!(maybe_latency(None), "–");
    }

    #[test]
    fn round_numbers_stay_short() {
        let read = [0, 500, 1_000, 2_500, 20_000, 1_250, 1_500_000].map(round_count);
        assert_eq!(read, ["0", "500", "1k", "2.5k", "20k", "1,250", "1.5M"]);
        assert_eq!([1.0, 2e3, 5e5, 1e6].map(round_latency), ["1 µs", "2 ms", "500 ms", "1 s"]);
    }

    #[test]
    fn small_rates_keep_a_decimal() {
        assert_eq!([0.0, 8.25, 21_034.4].map(rate), ["0.0", "8.2", "21,034"]);
    }

    #[test]
    fn one_is_singular() {
        assert_eq!(count(1, "seat"), "1 seat");
        assert_eq!(count(1_200, "seat"), "1,200 seats");
    }
}
